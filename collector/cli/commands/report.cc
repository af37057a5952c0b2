// SPDX-License-Identifier: Apache-2.0
// `weir report`.
#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/report_format.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  std::string job;
  std::string format = "md";
  std::string output = "-";
  std::string policy_path;
};

Result<> Write(const Options& options) {
  const auto output = OutputFile::Open(options.output);
  if (!output) return tl::unexpected(output.error());
  const auto session = Session::OpenForReview(options.places);
  if (!session) return tl::unexpected(session.error());
  const auto job = session->review()->FindJob(options.job);
  if (!job) return tl::unexpected(job.error());
  v1::GetReportRequest request;
  request.set_job_id(job->job_id());
  request.set_format(*ReportFormatOf(options.format));
  request.set_policy_path(options.policy_path);
  const auto report = session->review()->GetReport(request);
  if (!report) return tl::unexpected(report.error());
  return output->Write(report->content());
}

}  // namespace

void AddReport(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(
      root, invocation, "report", "write the report of a job",
      {.synopsis = "weir report --job ID [--format md|html|json|sarif] [-o FILE]",
       .description = "Verdict first, then what was denied with the process that tried it and its ancestry, then "
                      "everything else. The HTML report is one file that loads nothing. JSON has the schema "
                      "weir.report.v1 (docs/schemas.md).",
       .exit_status = kReviewExitStatus,
       .environment = kReviewEnvironment,
       .files = kReviewFiles,
       .examples = "weir report --job latest\nweir report --job latest --format html -o report.html\n"
                   "weir report --job 2026 --format sarif --policy .github/egress.yml -o weir.sarif"});
  auto options = std::make_shared<Options>();
  AddJobId(command, options->job, true);
  command.add_option("--format", options->format, "Which kind of report; default md")
      ->check(CLI::IsMember({"md", "html", "json", "sarif"}));
  command.add_option("-o,--output", options->output, "Where to; '-' is standard output, the default")
      ->type_name("FILE");
  command
      .add_option("--policy", options->policy_path, "The file that SARIF results point at; default .github/egress.yml")
      ->type_name("FILE");
  AddReviewPlaces(command, options->places);
  OnRun(command, invocation, [options] {
    const auto written = Write(*options);
    return written ? kExitOk : Complain(written.error());
  });
}

}  // namespace weir::cli
