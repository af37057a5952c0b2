// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/run_child.h"

#include <cstring>

#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"

namespace weir::cli {

ChildOutcome RunInJob(Child& child, const SensorEnd& sensor, const std::string& job_id, const std::string& program) {
  if (const auto joined = sensor.JoinJob(job_id, child.pid()); !joined) {
    // Ctrl-C while the job was being made ends the waiting child: that is no fault of anybody.
    if (const auto status = child.EndedAlready()) return {.started = true, .status = *status};
    Say(joined.error().what);
    Say("the command was not started");
    const int code = ExitCodeOf(joined.error().code);
    return {.started = false, .status = code == kExitCannot ? kExitCannot : kExitNotArmed};
  }
  const auto failure = child.Release();
  if (!failure) {
    return {.started = false, .status = Complain(failure.error())};
  }
  if (*failure != 0) Say("cannot run '" + program + "': " + std::strerror(*failure));
  const auto status = child.Wait();
  if (!status) return {.started = true, .status = Complain(status.error())};
  return {.started = true, .status = *status};
}

}  // namespace weir::cli
