// SPDX-License-Identifier: Apache-2.0
// `weir`: flags → command → exit code. Everything else is in commands/.
#include <unistd.h>

#include <exception>
#include <string>
#include <vector>

#include "collector/cli/commands/program.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"
#include "collector/cli/term/screen.h"

int main(int argc, char** argv) {
  using namespace weir::cli;
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const Parsed parsed = Parse(arguments, ScreenOf(STDOUT_FILENO), ScreenOf(STDERR_FILENO));
    if (parsed.action) return FinishOutput(parsed.action());
    Put(parsed.out);
    SayRaw(parsed.err);
    return FinishOutput(parsed.exit_code);
  } catch (const std::exception& bug) {
    Say(std::string("this is a bug of Weir: ") + bug.what());
    return kExitFailed;
  }
}
