// SPDX-License-Identifier: Apache-2.0
// A forked command is put into a job and runs there.
#pragma once

#include <string>

#include "collector/cli/host/child.h"
#include "collector/cli/remote/sensor_end.h"

namespace weir::cli {

struct ChildOutcome {
  bool started = false;  ///< false: the command never ran, and `status` is our exit code
  int status = 0;        ///< a shell's
};

/// Joins the waiting child to the job, releases it and waits for its end. Faults are said. A child that a signal ended
/// before it could start has that signal's status.
[[nodiscard]] ChildOutcome RunInJob(Child& child, const SensorEnd& sensor, const std::string& job_id,
                                    const std::string& program);

}  // namespace weir::cli
