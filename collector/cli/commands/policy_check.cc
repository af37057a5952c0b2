// SPDX-License-Identifier: Apache-2.0
// `weir policy check`.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/job_request.h"
#include "collector/cli/commands/policy.h"
#include "collector/cli/commands/policy_input.h"
#include "collector/cli/commands/policy_usage.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"
#include "policy/check.h"
#include "policy/format.h"
#include "policy/unused.h"

namespace weir::cli {
namespace {

constexpr std::uint32_t kMostRuns = 100;

struct Options {
  std::vector<std::string> files;
  Places places = Places::FromEnvironment();
  UsageWish usage;
  Format format = Format::kTable;
};

Result<std::vector<policy::RunUse>> ReadRuns(const Options& options) {
  if (options.usage.runs == 0) return std::vector<policy::RunUse>();
  const auto session = Session::OpenForReview(options.places);
  if (!session) return tl::unexpected(session.error());
  return RunsUsed(*session->review(), options.usage);
}

int Run(const Options& options) {
  const auto runs = ReadRuns(options);
  // Too few runs make no policy wrong; records that cannot be read are a question without an answer.
  if (!runs && runs.error().code != Code::kNotFound) return Complain(runs.error());
  if (!runs) Say(runs.error().what);
  bool valid = true;
  for (const auto& file : options.files) {
    policy::LoadResult loaded = LoadPolicyFile(file);
    auto faults = std::move(loaded.faults);
    if (!policy::HasError(faults)) {
      for (auto& fault : policy::Check(loaded.policy)) faults.push_back(std::move(fault));
      if (runs) {
        for (auto& fault : policy::FindUnused(loaded.policy, *runs)) faults.push_back(std::move(fault));
      }
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
              {.synopsis = "weir policy check FILE... [--format table|json]\n"
                           "weir policy check FILE... --unused-in N [--label KEY=VALUE]...",
               .description =
                   "Every fault with file, line, column, reason and what to write instead, all at once; then warnings "
                   "for the reviewer: wildcards on shared hosts, expired rules, metadata addresses, everything.\n\n"
                   "With --unused-in also rules that none of the last N recorded runs used; rules below `jobs:` are "
                   "held against the runs of that job. Runs whose record is not complete do not count. With fewer than "
                   "N runs nothing is said of unused rules.\n\n"
                   "Includes must stay in the repository that the file lies in (the nearest folder above it with a "
                   ".git), else in the file's folder. With --format json each file is a document on a line of its own.",
               .exit_status = "0  valid, perhaps with warnings\n64  usage\n65  not valid\n"
                              "69  with --unused-in: no collector answers and there is no local database\n"
                              "77  with --unused-in: this user may not read it",
               .environment = kReviewEnvironment,
               .files = kReviewFiles,
               .examples = "weir policy check .github/egress.yml\n"
                           "weir policy check --unused-in 20 --label repository=org/name .github/egress.yml\n"
                           "weir policy check --format json *.yml | jq '.faults[]'"});
  auto options = std::make_shared<Options>();
  command.add_option("FILE", options->files, "Policy files")->required()->type_name("FILE");
  CLI::Option* unused =
      command
          .add_option("--unused-in", options->usage.runs,
                      "Warn of rules that none of the last N runs used, 1 to " + std::to_string(kMostRuns))
          ->type_name("N")
          ->check(CLI::Range(1U, kMostRuns));
  AddLabels(command, options->usage.labels, "Only runs with this label");
  AddReviewPlaces(command, options->places);
  for (const char* flag : {"--label", "--collector", "--state-dir"}) command.get_option(flag)->needs(unused);
  AddFormat(command, options->format);
  OnRun(command, invocation, [options] { return Run(*options); });
}

}  // namespace weir::cli
