// SPDX-License-Identifier: Apache-2.0
// `weir version`.
#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/words.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"

namespace weir::cli {

void AddVersion(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(root, invocation, "version", "print the version of this program",
                          {.synopsis = "weir version [--format table|json]",
                           .description = "The version of a running sensor is in `weir status`.",
                           .exit_status = "0  always",
                           .environment = "",
                           .files = "",
                           .examples = "weir version"});
  auto format = std::make_shared<Format>(Format::kTable);
  AddFormat(command, *format);
  OnRun(command, invocation, [format] {
    if (*format == Format::kJson) {
      PutJson(Json{{"schema", "weir.version.v1"}, {"version", WEIR_VERSION}});
    } else {
      Put("weir " WEIR_VERSION "\n");
    }
    return kExitOk;
  });
}

}  // namespace weir::cli
