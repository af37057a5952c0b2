// SPDX-License-Identifier: Apache-2.0
// What every command of `weir` is made of. One command a file; table.cc lists them.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "args/page.h"
#include "collector/cli/host/places.h"
#include "collector/cli/term/screen.h"
#include "weir/v1/review.pb.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weir::cli {

using args::FullName;
using args::ManualPage;
using args::Page;

/// One start of the program. Commands read what they need and leave an action.
struct Invocation {
  /// What stands after the first `--`, untouched by flag parsing: a command line of somebody else.
  std::vector<std::string> after_dashes;
  bool has_dashes = false;
  /// Set by the command that was given: whether it runs one. Then `--` and a command must be there, else must not.
  bool takes_command = false;
  /// The commands that run one.
  std::set<const CLI::App*> runners;
  Screen out;
  Screen err;
  /// What to do, once every flag is known; returns the exit code.
  std::function<int()> action;
};

using AddCommand = void (*)(CLI::App& root, Invocation& invocation);

/// All commands, in the order of the help page.
[[nodiscard]] const std::vector<AddCommand>& AllCommands();

/// Adds a command below `parent` with its page.
CLI::App& AddPage(CLI::App& parent, const Invocation& invocation, const std::string& name,
                  const std::string& description, Page page);

/// Sets the action of a command: `run` is called when `command` was the one that was given.
void OnRun(CLI::App& command, Invocation& invocation, std::function<int()> run);

/// The same for a command that runs what stands after `--`.
void OnRunCommand(CLI::App& command, Invocation& invocation,
                  std::function<int(const std::vector<std::string>& command_line)> run);

enum class Format { kTable, kJson };

// Flags that several commands share. The values must live as long as the tree.
void AddFormat(CLI::App& command, Format& format);
void AddReviewPlaces(CLI::App& command, Places& places);
void AddSensorPlace(CLI::App& command, Places& places);
void AddJobId(CLI::App& command, std::string& job, bool required);
/// `--step N|NAME`. Without it `step` stays unset: all.
void AddStep(CLI::App& command, v1::StepFilter& step);

// Parts of pages that several commands share.
inline constexpr const char* kReviewExitStatus =
    "0  done\n64  usage: an unknown flag, no such job, an ambiguous job id\n"
    "69  no collector answers and there is no local database\n77  this user may not read it";
inline constexpr const char* kReviewEnvironment =
    "WEIR_COLLECTOR_SOCKET  the collector's socket, for --collector\n"
    "WEIR_STATE_DIR  directory of the local database, for --state-dir\n"
    "NO_COLOR  when set and not empty: no colours\n"
    "COLUMNS  width of a terminal that does not tell its own";
inline constexpr const char* kReviewFiles =
    "/run/weir/collector.sock  a running collector\n"
    "/var/lib/weir/collector.db  root's local database\n"
    "$XDG_STATE_HOME/weir/collector.db  any other user's; XDG_STATE_HOME is ~/.local/state unless set";

}  // namespace weir::cli
