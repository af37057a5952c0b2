// SPDX-License-Identifier: Apache-2.0
// The one list of commands.
#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"

namespace weir::cli {

const std::vector<AddCommand>& AllCommands() {
  static const std::vector<AddCommand> commands = {
      AddRun,    AddJob,    AddRunner, AddEgress,     AddProcesses, AddReport,
      AddPolicy, AddDoctor, AddStatus, AddCompletion, AddVersion,
  };
  return commands;
}

}  // namespace weir::cli
