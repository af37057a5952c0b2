// SPDX-License-Identifier: Apache-2.0
// The daemon between its start and its signal.
#pragma once

#include <csignal>

#include "sensor/app/options.h"

namespace weir {

/// Returns the exit status. `signals` are blocked in the caller's thread.
[[nodiscard]] int RunSensor(const SensorOptions& options, const sigset_t& signals);

}  // namespace weir
