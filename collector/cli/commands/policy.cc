// SPDX-License-Identifier: Apache-2.0
// `weir policy`.
#include "collector/cli/commands/policy.h"

#include <CLI/CLI.hpp>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"

namespace weir::cli {

void AddPolicy(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(root, invocation, "policy", "check, suggest, explain and compare allowlists",
                          {.synopsis = "weir policy check|suggest|explain|diff [OPTION...]",
                           .description = "The language is described in docs/policy.md. These commands need no "
                                          "privilege; suggest reads recorded jobs, the others only files.",
                           .exit_status = "",
                           .environment = "",
                           .files = ".github/egress.yml  where a repository keeps its policy",
                           .examples = "weir policy check .github/egress.yml"});
  command.require_subcommand(1);
  AddPolicyCheck(command, invocation);
  AddPolicySuggest(command, invocation);
  AddPolicyExplain(command, invocation);
  AddPolicyDiff(command, invocation);
}

}  // namespace weir::cli
