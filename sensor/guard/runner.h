// SPDX-License-Identifier: Apache-2.0
// The runner that starts jobs on this host: its processes hold every secret of a job, and its files are its own
// credentials.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace weir::guard {

struct RunnerFile {
  std::filesystem::path path;
  bool readable = false;  ///< only writing it is guarded
};

struct Runner {
  std::vector<pid_t> processes;   ///< Runner.Listener and Runner.Worker
  std::vector<RunnerFile> files;  ///< that exist
};

/// Looks through `proc` by the names of processes, and beside their executables for regular files. A job can give its
/// processes these names and put what it likes beside them: `is_a_jobs` tells whose word counts for nothing.
[[nodiscard]] Runner FindRunner(const std::function<bool(pid_t)>& is_a_jobs,
                                const std::filesystem::path& proc = "/proc");

}  // namespace weir::guard
