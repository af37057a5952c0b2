// SPDX-License-Identifier: Apache-2.0
// The steps behind `weir runner`. Each says its faults and returns the exit code.
#pragma once

#include <string>

#include "collector/cli/commands/command.h"
#include "collector/cli/host/places.h"

namespace weir::cli {

struct RunnerOptions {
  std::string directory;                 ///< of the runner
  std::string config_dir = "/etc/weir";  ///< holds runners/, policies/ and hooks/
  std::string unit;                      ///< that starts the runner; empty: whichever does
  Places places = Places::FromEnvironment();
  Format format = Format::kTable;
};

[[nodiscard]] int InstallRunner(const RunnerOptions& options);
[[nodiscard]] int RemoveRunner(const RunnerOptions& options);
[[nodiscard]] int ListRunners(const RunnerOptions& options);

/// What the hooks run, as the runner's user and in the runner's environment.
[[nodiscard]] int HookStarted(const Places& places);
[[nodiscard]] int HookCompleted(const Places& places);

}  // namespace weir::cli
