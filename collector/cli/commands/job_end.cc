// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/job_end.h"

#include <unistd.h>

#include <utility>

#include "collector/cli/commands/summary.h"
#include "collector/cli/term/console.h"

namespace weir::cli {
namespace {

// Far more than lines are shown: a scan is one line, and its size is told.
constexpr std::uint32_t kAskedFlows = 1000;

Summary SummaryOf(const Session& session, const EndWish& wish, const v1::EndJobResponse& ended) {
  Summary summary;
  summary.job_id = wish.job_id;
  summary.mode = wish.mode;
  summary.has_policy = wish.has_policy;
  summary.armed = wish.armed;
  summary.not_armed_reasons = wish.not_armed_reasons;
  summary.complete = ended.complete();
  summary.denied = ended.denied();
  summary.would_deny = ended.would_deny();
  summary.leftovers.assign(ended.leftovers().begin(), ended.leftovers().end());
  summary.not_stored = ended.not_stored();
  if (session.review() == nullptr) return summary;
  if (const auto job = session.review()->FindJob(wish.job_id)) summary.allowed = job->allowed();
  // Without a policy everything is "would deny": the list says nothing that the report does not say better.
  if (!wish.has_policy) return summary;
  v1::ListFlowsRequest request;
  request.set_job_id(wish.job_id);
  request.set_denied_only(true);
  request.set_limit(kAskedFlows);
  if (const auto flows = session.review()->ListFlows(request)) {
    summary.refused.assign(flows->flows().begin(), flows->flows().end());
    summary.more_refused = flows->truncated();
  }
  return summary;
}

}  // namespace

Result<ReportSinks> ReportSinks::Open(const std::vector<std::string>& wishes) {
  ReportSinks sinks;
  for (const auto& text : wishes) {
    auto wish = ParseReportWish(text);
    if (!wish) return tl::unexpected(wish.error());
    auto file = OutputFile::Open(wish->path);
    if (!file) return tl::unexpected(file.error());
    sinks.sinks_.push_back({wish->format, *std::move(file)});
  }
  return sinks;
}

std::vector<std::string> ReportSinks::Write(const ReviewEnd& review, const std::string& job_id,
                                            const std::string& policy_path) const {
  std::vector<std::string> written;
  for (const Sink& sink : sinks_) {
    v1::GetReportRequest request;
    request.set_job_id(job_id);
    request.set_format(sink.format);
    request.set_policy_path(policy_path);
    const auto report = review.GetReport(request);
    const Result<> done = report ? sink.file.Write(report->content()) : tl::unexpected(report.error());
    if (!done) {
      Say("no report in " + sink.file.path() + ": " + done.error().what);
    } else if (!sink.file.standard_output()) {
      written.push_back(sink.file.path());
    }
  }
  return written;
}

EndOutcome EndJob(const Session& session, const EndWish& wish, const ReportSinks& sinks, const Screen& screen) {
  auto ended = session.sensor().EndJob(wish.job_id, wish.exit_status);
  if (!ended) {
    Say("the end of job " + wish.job_id + " was not recorded: " + ended.error().what);
    return {.known = false, .failure = ended.error().code, .denied = 0, .response = {}};
  }
  std::vector<std::string> written;
  if (session.review() != nullptr) {
    written = sinks.Write(*session.review(), wish.job_id, wish.policy_path);
  } else if (!sinks.empty()) {
    Say("no reports: " + session.review_missing());
  }
  if (!wish.quiet) {
    Summary summary = SummaryOf(session, wish, *ended);
    summary.reports = std::move(written);
    SayRaw(Render(summary, screen));
  }
  return {.known = true, .failure = {}, .denied = ended->denied(), .response = *std::move(ended)};
}

}  // namespace weir::cli
