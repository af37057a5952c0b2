// SPDX-License-Identifier: Apache-2.0
// `weir policy check`.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/faults.h"
#include "collector/cli/commands/policy.h"
#include "collector/cli/commands/policy_input.h"
#include "collector/cli/commands/words.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"
#include "policy/compile.h"

namespace weir::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  Format format = Format::kTable;
};

struct Checked {
  std::string file;
  std::vector<policy::Fault> faults;
  std::shared_ptr<const policy::SourceTexts> sources;
};

// Faults that only show when rules are merged are looked for in every job that the file describes.
Checked Check(const std::string& file) {
  policy::LoadResult loaded = LoadPolicyFile(file);
  Checked checked{file, std::move(loaded.faults), loaded.policy.sources};
  if (policy::HasError(checked.faults)) return checked;
  const auto add = [&](const policy::CompileOptions& options) {
    for (auto& fault : policy::Compile(loaded.policy, options).faults) {
      const bool known = std::find(checked.faults.begin(), checked.faults.end(), fault) != checked.faults.end();
      if (!known) checked.faults.push_back(std::move(fault));
    }
  };
  add({});
  for (const auto& job : loaded.policy.jobs) {
    policy::CompileOptions options;
    options.job_id = job.name;
    options.job_name = job.name;
    add(options);
  }
  return checked;
}

Json DocumentOf(const std::vector<Checked>& all, bool valid) {
  Json files = Json::array();
  for (const Checked& checked : all) {
    Json faults = Json::array();
    for (const auto& fault : checked.faults) faults.push_back(FaultJson(fault));
    files.push_back({{"file", Text(checked.file)},
                     {"valid", !policy::HasError(checked.faults)},
                     {"faults", std::move(faults)}});
  }
  return {{"schema", "weir.policy-check.v1"}, {"valid", valid}, {"files", std::move(files)}};
}

int Run(const Options& options, const Screen& screen) {
  std::vector<Checked> all;
  for (const auto& file : options.files) all.push_back(Check(file));
  const bool valid =
      std::none_of(all.begin(), all.end(), [](const Checked& c) { return policy::HasError(c.faults); });
  if (options.format == Format::kJson) {
    PutJson(DocumentOf(all, valid));
    return valid ? kExitOk : kExitPolicy;
  }
  for (const Checked& checked : all) {
    // Faults go where compilers put theirs, so that editors and `2>` find them.
    SayRaw(RenderFaults(checked.faults, *checked.sources, screen));
    if (!policy::HasError(checked.faults)) Put(SafeLine(checked.file + ": valid"));
  }
  return valid ? kExitOk : kExitPolicy;
}

}  // namespace

void AddPolicyCheck(CLI::App& policy, Invocation& invocation) {
  auto& command =
      AddPage(policy, invocation, "check", "check policy files",
              {.synopsis = "weir policy check FILE... [--format table|json]",
               .description =
                   "Every fault with file, line, column, reason and what to write instead, all at once; then warnings "
                   "for the reviewer: wildcards on shared hosts, expired rules, metadata addresses, everything.\n\n"
                   "Includes are relative to the repository that the file lies in (the nearest folder above it with a "
                   ".git), else to the file's folder.",
               .exit_status = "0  valid, perhaps with warnings\n64  usage\n65  not valid",
               .environment = "",
               .files = "",
               .examples = "weir policy check .github/egress.yml\n"
                           "weir policy check --format json *.yml | jq '.files[].faults[]'"});
  auto options = std::make_shared<Options>();
  command.add_option("FILE", options->files, "Policy files")->required()->type_name("FILE");
  AddFormat(command, options->format);
  OnRun(command, invocation, [options, &invocation] { return Run(*options, invocation.err); });
}

}  // namespace weir::cli
