// SPDX-License-Identifier: Apache-2.0
// `weir policy check`.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/policy.h"
#include "collector/cli/commands/policy_input.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/term/console.h"
#include "policy/check.h"
#include "policy/format.h"

namespace weir::cli {
namespace {

struct Options {
  std::vector<std::string> files;
  Format format = Format::kTable;
};

int Run(const Options& options) {
  bool valid = true;
  for (const auto& file : options.files) {
    policy::LoadResult loaded = LoadPolicyFile(file);
    auto faults = std::move(loaded.faults);
    if (!policy::HasError(faults)) {
      for (auto& fault : policy::Check(loaded.policy)) faults.push_back(std::move(fault));
    }
    const bool good = !policy::HasError(faults);
    valid = valid && good;
    if (options.format == Format::kJson) {
      PutJson(policy::CheckJson(file, faults).dump(-1, ' ', true));
      continue;
    }
    // Faults go where compilers put theirs, so that editors find them.
    SayRaw(policy::FormatFaults(faults, *loaded.policy.sources));
    if (good) Put(SafeLine(file + ": valid"));
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
                   "Includes must stay in the repository that the file lies in (the nearest folder above it with a "
                   ".git), else in the file's folder. With --format json each file is a document on a line of its own.",
               .exit_status = "0  valid, perhaps with warnings\n64  usage\n65  not valid",
               .environment = "",
               .files = "",
               .examples = "weir policy check .github/egress.yml\n"
                           "weir policy check --format json *.yml | jq '.faults[]'"});
  auto options = std::make_shared<Options>();
  command.add_option("FILE", options->files, "Policy files")->required()->type_name("FILE");
  AddFormat(command, options->format);
  OnRun(command, invocation, [options] { return Run(*options); });
}

}  // namespace weir::cli
