// SPDX-License-Identifier: Apache-2.0
// `weir completion`.
#include "collector/cli/args/completion.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/program.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"

namespace weir::cli {

void AddCompletion(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(root, invocation, "completion", "print the completion script of a shell",
                          {.synopsis = "weir completion bash|zsh|fish",
                           .description = "The script is made from this program's own commands and flags. After `--` "
                                          "it completes commands and files as the shell does.",
                           .exit_status = "0  done\n64  usage: no such shell",
                           .environment = "",
                           .files = "",
                           .examples = "source <(weir completion bash)\n"
                                       "weir completion zsh > ~/.zfunc/_weir\n"
                                       "weir completion fish > ~/.config/fish/completions/weir.fish"});
  auto shell = std::make_shared<std::string>();
  command.add_option("SHELL", *shell, "For which shell")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  OnRun(command, invocation, [shell] {
    const Node tree = ProgramTree();
    Put(*shell == "bash" ? BashCompletion(tree) : *shell == "zsh" ? ZshCompletion(tree) : FishCompletion(tree));
    return kExitOk;
  });
}

}  // namespace weir::cli
