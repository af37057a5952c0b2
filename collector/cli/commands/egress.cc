// SPDX-License-Identifier: Apache-2.0
// `weir egress`.
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/rows.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"
#include "collector/cli/term/moment.h"
#include "collector/rpc/limits.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  Format format = Format::kTable;
  std::string job;
  std::string since;
  v1::StepFilter step;
  std::uint32_t limit = 0;
  bool denied = false;
};

Result<v1::ListFlowsResponse> Ask(const Options& options) {
  v1::ListFlowsRequest request;
  request.set_denied_only(options.denied);
  request.set_limit(options.limit);
  *request.mutable_step() = options.step;
  if (!options.since.empty()) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto since = ParseSince(options.since, std::chrono::nanoseconds(now).count());
    if (!since) return tl::unexpected(since.error());
    request.set_since_ns(*since);
  }
  const auto session = Session::OpenForReview(options.places);
  if (!session) return tl::unexpected(session.error());
  if (!options.job.empty()) {
    const auto job = session->review()->FindJob(options.job);
    if (!job) return tl::unexpected(job.error());
    request.set_job_id(job->job_id());
  }
  return session->review()->ListFlows(request);
}

int Run(const Options& options, const Screen& screen) {
  const auto flows = Ask(options);
  if (!flows) return Complain(flows.error());
  if (options.format == Format::kJson) {
    PutJson(FlowDocument(*flows));
  } else {
    Put(FlowTable(*flows, options.job.empty()).Render(screen));
    if (flows->truncated()) Say("there is more: raise --limit, or narrow by --job or --since");
  }
  return kExitOk;
}

}  // namespace

void AddEgress(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(
      root, invocation, "egress", "list destinations, each with process, verdict and reason",
      {.synopsis = "weir egress [--job ID] [--step N|NAME] [--denied] [--since T] [--limit N] [--format table|json]",
       .description =
           "One line a process, destination and verdict, denied ones first; lookups of names are lines of their "
           "own. Of all jobs, unless --job names one.\n\n"
           "STEP, in a self-hosted runner's job, is the step of the workflow that the process is of: its number, and "
           "what the workflow calls it (docs/runner.md).\n\n"
           "WHY is the rule that decided, or a keyword (docs/schemas.md): no-rule, dns-name, process, …",
       .exit_status = kReviewExitStatus,
       .environment = kReviewEnvironment,
       .files = kReviewFiles,
       .examples = "weir egress --job latest --denied\nweir egress --job latest --step 2\nweir egress --since 7d "
                   "--format json | jq -r '.flows[].name'"});
  auto options = std::make_shared<Options>();
  AddJobId(command, options->job, false);
  AddStep(command, options->step);
  command.add_flag("--denied", options->denied, "Only what was denied, or would have been in block mode");
  command
      .add_option(
          "--since", options->since,
          "Only what was seen since then: a span (90s, 15m, 2h, 7d, 2w) or a time (2026-11-23, 2026-11-23T14:05, "
          "with Z at its end in UTC)")
      ->type_name("T")
      ->check([](const std::string& text) {
        const auto since = ParseSince(text, 0);
        return since ? std::string() : since.error().what;
      });
  command
      .add_option("--limit", options->limit,
                  "At most so many lines, 1 to " + std::to_string(rpc::kMaxFlows) + "; default 1000")
      ->type_name("N")
      ->check(CLI::Range(1U, rpc::kMaxFlows));
  AddFormat(command, options->format);
  AddReviewPlaces(command, options->places);
  OnRun(command, invocation, [options, &invocation] { return Run(*options, invocation.out); });
}

}  // namespace weir::cli
