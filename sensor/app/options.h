// SPDX-License-Identifier: Apache-2.0
// The command line of weir-sensor.
#pragma once

#include <optional>
#include <string>

#include "sensor/app/config.h"

namespace weir {

struct SensorOptions {
  SensorConfig config;
  std::string socket = "/run/weir/sensor.sock";
  std::string collector = "unix:/run/weir/collector.sock";  ///< empty: none
  std::string unit;                                         ///< the systemd unit that this process is; empty: none
  bool check_config = false;
  std::string log_level = "info";
  std::string log_format = "text";
};

/// Parses; `exit_code` is set (and help, version or the fault printed) when the program has nothing more to do.
[[nodiscard]] std::optional<SensorOptions> ParseSensorOptions(int argc, char** argv, int& exit_code);

}  // namespace weir
