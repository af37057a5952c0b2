// SPDX-License-Identifier: Apache-2.0
// The settings file of a daemon: its options by their names, in YAML. `pin_dir: DIR` says what `--pin-dir DIR` says.
//
// There is one list of options, the command line's: what is checked there is checked here, and an option that is added
// there can stand in the file.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "sensor/base/result.h"

namespace weir {

/// About the file, for the programs' manuals.
inline constexpr const char* kAboutSettings =
    "The options above by their names, in YAML: `log_level: warn` for --log-level warn. The command line goes first, "
    "then "
    "the file, then the defaults.";

/// Adds `--config FILE` to `app`; `usual` is read when it is not given, and need not exist. Call before parsing.
void AddSettingsOption(CLI::App& app, const std::string& usual);

/// Reads the file that `--config` names, after parsing. A value goes to its option unless the command line gave that;
/// `reserved` options cannot stand in a file. kInvalid: every fault at once, with line, column and suggestion.
[[nodiscard]] Result<> ReadSettings(CLI::App& app, const std::vector<std::string>& reserved = {"check-config"});

}  // namespace weir
