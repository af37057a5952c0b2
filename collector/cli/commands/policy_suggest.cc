// SPDX-License-Identifier: Apache-2.0
// `weir policy suggest`.
#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/policy.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  std::vector<std::string> jobs;
  std::string output = "-";
  bool bind_processes = false;
};

Result<> Suggest(const Options& options) {
  const auto output = OutputFile::Open(options.output);
  if (!output) return tl::unexpected(output.error());
  const auto session = Session::OpenForReview(options.places);
  if (!session) return tl::unexpected(session.error());
  v1::SuggestPolicyRequest request;
  request.set_bind_processes(options.bind_processes);
  for (const auto& text : options.jobs) {
    const auto job = session->review()->FindJob(text);
    if (!job) return tl::unexpected(job.error());
    request.add_job_ids(job->job_id());
  }
  const auto suggestion = session->review()->SuggestPolicy(request);
  if (!suggestion) return tl::unexpected(suggestion.error());
  WEIR_TRY(output->Write(suggestion->policy_yaml()));
  for (const auto& note : suggestion->notes()) Say(note);
  if (!output->standard_output()) {
    Say(std::to_string(suggestion->flows_covered()) + " flows are covered by " + output->path() +
        "; review it like code before you enforce it");
  }
  return {};
}

}  // namespace

void AddPolicySuggest(CLI::App& policy, Invocation& invocation) {
  auto& command = AddPage(
      policy, invocation, "suggest", "write a policy from what recorded jobs did",
      {.synopsis = "weir policy suggest --job ID... [--bind-processes] [-o FILE]",
       .description = "The fewest rules that cover what the jobs reached, each with the processes and jobs that "
                      "need it. What a job reached is not what it should reach: review it like code.",
       .exit_status = kReviewExitStatus,
       .environment = kReviewEnvironment,
       .files = kReviewFiles,
       .examples = "weir policy suggest --job latest > .github/egress.yml\n"
                   "weir policy suggest --job 20261123 --job 20261124 --bind-processes -o .github/egress.yml"});
  auto options = std::make_shared<Options>();
  command.add_option("--job", options->jobs, "Job id, a prefix of it that is unique, or 'latest'")
      ->type_name("ID")
      ->required()
      ->allow_extra_args(false);
  command.add_flag("--bind-processes", options->bind_processes,
                   "Let only the executables that were seen use each rule (`process:`)");
  command.add_option("-o,--output", options->output, "Where to; '-' is standard output, the default")
      ->type_name("FILE");
  AddReviewPlaces(command, options->places);
  OnRun(command, invocation, [options] {
    const auto suggested = Suggest(*options);
    return suggested ? kExitOk : Complain(suggested.error());
  });
}

}  // namespace weir::cli
