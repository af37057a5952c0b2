// SPDX-License-Identifier: Apache-2.0
// `weir processes`.
#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/rows.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"
#include "collector/rpc/limits.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  Format format = Format::kTable;
  std::string job;
  v1::StepFilter step;
  std::uint32_t limit = 0;
  bool tree = false;
};

Result<v1::ListProcessesResponse> Ask(const Options& options) {
  const auto session = Session::OpenForReview(options.places);
  if (!session) return tl::unexpected(session.error());
  const auto job = session->review()->FindJob(options.job);
  if (!job) return tl::unexpected(job.error());
  v1::ListProcessesRequest request;
  request.set_job_id(job->job_id());
  request.set_limit(options.limit);
  *request.mutable_step() = options.step;
  return session->review()->ListProcesses(request);
}

int Run(const Options& options, const Screen& screen) {
  const auto processes = Ask(options);
  if (!processes) return Complain(processes.error());
  if (options.format == Format::kJson) {
    PutJson(ProcessDocument(*processes));
  } else {
    Put(ProcessTable(*processes, options.tree).Render(screen));
    if (processes->truncated()) Say("there is more: raise --limit");
  }
  return kExitOk;
}

}  // namespace

void AddProcesses(CLI::App& root, Invocation& invocation) {
  auto& command =
      AddPage(root, invocation, "processes", "list the processes of a job",
              {.synopsis = "weir processes --job ID [--step N|NAME] [--tree] [--limit N] [--format table|json]",
               .description = "One line a process image: a process that executes another program becomes a "
                              "line below its old one. EXIT is the status, or the signal that ended it; '-' "
                              "when no exit was seen. STEP is there for a self-hosted runner's job: the step "
                              "of the workflow, its number and what the workflow calls it (docs/runner.md).",
               .exit_status = kReviewExitStatus,
               .environment = kReviewEnvironment,
               .files = kReviewFiles,
               .examples = "weir processes --job latest --tree"});
  auto options = std::make_shared<Options>();
  AddJobId(command, options->job, true);
  AddStep(command, options->step);
  command.add_flag("--tree", options->tree, "Each process below the one that started it");
  command
      .add_option("--limit", options->limit,
                  "At most so many lines, 1 to " + std::to_string(rpc::kMaxProcesses) + "; default 10000")
      ->type_name("N")
      ->check(CLI::Range(1U, rpc::kMaxProcesses));
  AddFormat(command, options->format);
  AddReviewPlaces(command, options->places);
  OnRun(command, invocation, [options, &invocation] { return Run(*options, invocation.out); });
}

}  // namespace weir::cli
