// SPDX-License-Identifier: Apache-2.0
// Which Runner.Worker a call comes from: the hook that calls is a descendant of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"
#include "sensor/runner/enrolment.h"

namespace weir::runner {

struct Worker {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;     ///< sensor/base/process_stat.h
  std::filesystem::path executable;  ///< as the kernel names it
  std::size_t enrolment = 0;         ///< index into the list that was asked
};

/// The nearest ancestor of `caller` that is the Runner.Worker of an enrolled runner: its executable lies in a `bin*` of
/// the runner's directory, and it and the caller run as the runner's user. kPrivilege: there is none.
[[nodiscard]] Result<Worker> FindWorker(pid_t caller, uid_t caller_uid, const std::vector<Enrolment>& enrolments,
                                        const std::filesystem::path& proc = "/proc");

/// A descriptor of exactly that process; closed: it has ended.
[[nodiscard]] Fd OpenProcess(pid_t pid, std::uint64_t start_ticks);

}  // namespace weir::runner
