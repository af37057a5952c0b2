// SPDX-License-Identifier: Apache-2.0
// Unix sockets of services that do for others what these may not do themselves: start processes, containers and
// machines, or look up names. Whoever may talk to one is out of the job.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace weir::guard {

struct Deputy {
  std::filesystem::path path;
  /// What it starts is outside even where the whole host is a job's: the service manager and its bus can put a program
  /// into an exempt unit, and the packets of a virtual machine are no socket's.
  bool escapes = false;
  friend bool operator==(const Deputy&, const Deputy&) = default;
};

/// Those that exist under `root` ("/" but in tests). Well-known places; others a policy names in `sockets:`.
[[nodiscard]] std::vector<Deputy> FindDeputies(const std::filesystem::path& root = "/");

/// Does the C library connect to it for a program that only asked for a name or a user?
[[nodiscard]] bool IsNameService(const std::filesystem::path& deputy);

}  // namespace weir::guard
