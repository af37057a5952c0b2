// SPDX-License-Identifier: Apache-2.0
// `weir policy diff`.
#include "policy/diff.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/policy.h"
#include "collector/cli/commands/policy_input.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"
#include "policy/compile.h"
#include "policy/format.h"

namespace weir::cli {
namespace {

struct Options {
  std::string before;
  std::string after;
  std::string job;
  Format format = Format::kTable;
};

// nullopt: not valid, and every fault was said.
std::optional<policy::CompiledPolicy> CompileFile(const std::string& file, const std::string& job) {
  const policy::LoadResult loaded = LoadPolicyFile(file);
  std::vector<policy::Fault> faults = loaded.faults;
  if (loaded.ok()) {
    if (const std::string note = NoteOnJob(loaded.policy, job); !note.empty()) Say(note);
    policy::CompileOptions options;
    options.job_id = job;
    options.job_name = job;
    policy::CompileResult compiled = policy::Compile(loaded.policy, options);
    if (compiled.ok()) return std::move(compiled.policy);
    faults = std::move(compiled.faults);
  }
  SayRaw(policy::FormatFaults(faults, *loaded.policy.sources));
  return std::nullopt;
}

int Run(const Options& options) {
  const auto before = CompileFile(options.before, options.job);
  const auto after = CompileFile(options.after, options.job);
  if (!before || !after) return kExitPolicy;
  const policy::PolicyDiff diff = policy::Diff(*before, *after);
  if (options.format == Format::kJson) {
    PutJson(policy::DiffJson(diff).dump(-1, ' ', true));
  } else {
    Put(policy::FormatDiff(diff));
  }
  return kExitOk;
}

}  // namespace

void AddPolicyDiff(CLI::App& policy, Invocation& invocation) {
  auto& command =
      AddPage(policy, invocation, "diff", "say what becomes reachable between two policies, and what does not",
              {.synopsis = "weir policy diff BEFORE AFTER [--job J] [--format table|json]",
               .description = "Compares what the policies mean: another order, other spellings and rules that a wider "
                              "one covers are no change. '+' becomes reachable, '-' no longer is.",
               .exit_status = "0  compared, whatever the difference\n64  usage\n65  one of them is not valid",
               .environment = "",
               .files = "",
               .examples = "weir policy diff <(git show main:.github/egress.yml) .github/egress.yml"});
  auto options = std::make_shared<Options>();
  command.add_option("BEFORE", options->before, "The old policy")->required()->type_name("FILE");
  command.add_option("AFTER", options->after, "The new policy")->required()->type_name("FILE");
  command.add_option("--job", options->job, "The entry of `jobs:` that holds as well")->type_name("J");
  AddFormat(command, options->format);
  OnRun(command, invocation, [options] { return Run(*options); });
}

}  // namespace weir::cli
