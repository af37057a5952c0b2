// SPDX-License-Identifier: Apache-2.0
// The command line of weir-collector.
#pragma once

#include <optional>
#include <string>

#include "collector/app/collector.h"

namespace weir::collector {

struct Options {
  CollectorConfig config;
  bool check_config = false;
  std::string log_level = "info";
};

/// Parses; `exit_code` is set (and help, version or the fault printed) when the program has nothing more to do.
[[nodiscard]] std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code);

}  // namespace weir::collector
