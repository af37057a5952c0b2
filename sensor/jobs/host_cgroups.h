// SPDX-License-Identifier: Apache-2.0
// The cgroups of a host that is a job's: which of them stay outside, and who is in the others.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sensor/base/result.h"

namespace weir::jobs {

struct FoundCgroup {
  std::filesystem::path path;  ///< from the root of the search: "system.slice/cron.service"
  std::uint64_t id = 0;        ///< as JobCgroup::id
  friend bool operator==(const FoundCgroup&, const FoundCgroup&) = default;
};

/// Why a pattern of FindCgroups cannot be one; empty: it can.
[[nodiscard]] std::string FaultOfPattern(std::string_view pattern);

/// Cgroups below `root` that one of the patterns means: a name at any depth ("ssh.service"), or with a slash in it a
/// path from the root. `*` stands for any characters but a slash (fnmatch(3)). Of what lies below one of them only it
/// is returned. By path, ascending.
[[nodiscard]] Result<std::vector<FoundCgroup>> FindCgroups(const std::filesystem::path& root,
                                                           std::span<const std::string> patterns);

/// "Moves" every process of the subtree to the cgroup in which it is, for which `wanted` says so: the programs take in
/// who is moved (bpf/cgroup.bpf.c). Left out are the subtrees of `outside` and kernel threads. Returns how many were
/// moved. A process that goes away meanwhile, or that the kernel does not move, is no error: it is not counted.
[[nodiscard]] Result<std::size_t> MoveInPlace(const std::filesystem::path& root, std::span<const FoundCgroup> outside,
                                              const std::function<bool(pid_t)>& wanted);

}  // namespace weir::jobs
