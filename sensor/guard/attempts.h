// SPDX-License-Identifier: Apache-2.0
// What the probe tries: for each class the least harmful attempt that the guard must deny. What an attempt does when
// nobody denies it is nothing, or undone at once.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

namespace weir::guard {

/// Prepared by the parent: the child of a threaded process makes system calls only.
struct AttemptWorld {
  pid_t sensor = 0;
  pid_t runner = 0;               ///< a process that is protected as the runner
  const char* runner_file = "";   ///< guarded as the runner's
  const char* sensor_file = "";   ///< guarded as ours
  const char* deputy = "";        ///< path of a listening unix socket that is guarded
  const char* cgroup_procs = "";  ///< of a cgroup outside the job's
  const char* pin_directory = "";
  const char* pinned_map = "";  ///< one of ours
};

struct Attempt {
  std::uint32_t guard_class;
  /// errno; 0: it was not refused.
  int (*run)(const AttemptWorld& world);
};

/// One for each class.
[[nodiscard]] std::span<const Attempt> Attempts();

}  // namespace weir::guard
