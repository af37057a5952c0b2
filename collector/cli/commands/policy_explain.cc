// SPDX-License-Identifier: Apache-2.0
// `weir policy explain`.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/policy.h"
#include "collector/cli/commands/policy_input.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"
#include "policy/compile.h"
#include "policy/explain.h"
#include "policy/format.h"

namespace weir::cli {
namespace {

struct Options {
  std::string file;
  policy::ExplainQuery query;
  std::string job;
  std::string mode;
  Format format = Format::kTable;
};

int Run(const Options& options) {
  const policy::LoadResult loaded = LoadPolicyFile(options.file);
  policy::CompileOptions compile;
  compile.job_id = options.job;
  compile.job_name = options.job;
  compile.mode = ModeOf(options.mode);
  const policy::CompileResult compiled =
      loaded.ok() ? policy::Compile(loaded.policy, compile) : policy::CompileResult{{}, loaded.faults};
  if (!compiled.ok()) {
    SayRaw(policy::FormatFaults(compiled.faults, *loaded.policy.sources));
    return kExitPolicy;
  }
  if (const std::string note = NoteOnJob(loaded.policy, options.job); !note.empty()) Say(note);
  const auto explanation = policy::Explain(compiled.policy, options.query);
  if (!explanation) return Complain(explanation.error());
  if (options.format == Format::kJson) {
    PutJson(policy::ExplainJson(*explanation).dump(-1, ' ', true));
  } else {
    Put(policy::FormatExplanation(*explanation));
  }
  return kExitOk;
}

}  // namespace

void AddPolicyExplain(CLI::App& policy, Invocation& invocation) {
  auto& command = AddPage(
      policy, invocation, "explain", "name the rule that decides about an endpoint",
      {.synopsis = "weir policy explain FILE ENDPOINT [--process P] [--job J] [--mode M] [--format table|json]",
       .description = "Says allow, deny or would-deny (audit mode), the rule with its place, and which rules "
                      "come near and do not decide. ENDPOINT is one host: example.org, example.org:8080, "
                      "192.0.2.1:53/udp, [2001:db8::1]:443; without a port 443/tcp.",
       .exit_status = "0  explained, whatever the verdict\n64  usage: not one endpoint\n65  the policy is not valid",
       .environment = "",
       .files = "",
       .examples = "weir policy explain .github/egress.yml registry.example.org --process npm"});
  auto options = std::make_shared<Options>();
  command.add_option("FILE", options->file, "Policy file")->required()->type_name("FILE");
  command.add_option("ENDPOINT", options->query.endpoint, "Host, with port and protocol where they are not 443/tcp")
      ->required();
  command
      .add_option("--process", options->query.process,
                  "Who asks: path or name of an executable; default: one that no rule names")
      ->type_name("P");
  command.add_option("--job", options->job, "The entry of `jobs:` that holds as well")->type_name("J");
  command.add_option("--mode", options->mode, "As if the policy said so")->check(CLI::IsMember({"audit", "block"}));
  AddFormat(command, options->format);
  OnRun(command, invocation, [options] { return Run(*options); });
}

}  // namespace weir::cli
