// SPDX-License-Identifier: Apache-2.0
// /proc/self/mountinfo (proc_pid_mountinfo(5)): where is cgroup2?
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/result.h"

namespace weir::jobs {

struct Mount {
  std::string root;   ///< part of the file system that is mounted
  std::string point;  ///< where, in this mount namespace
  std::string type;   ///< "cgroup2", "ext4", …
  friend bool operator==(const Mount&, const Mount&) = default;
};

/// Lines that are not of the documented form are left out. Octal escapes (\040) are decoded.
[[nodiscard]] std::vector<Mount> ParseMountinfo(std::string_view text);

/// The cgroup2 mount to work in: one of the whole hierarchy before a part of it; of equals the last one mounted,
/// because it may hide the others. kUnsupported: there is none.
[[nodiscard]] Result<std::filesystem::path> ChooseCgroup2(const std::vector<Mount>& mounts);

/// ChooseCgroup2 of /proc/self/mountinfo.
[[nodiscard]] Result<std::filesystem::path> FindCgroup2();

}  // namespace weir::jobs
