// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <set>

#include "collector/cli/commands/job.h"
#include "collector/cli/commands/rows.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"
#include "collector/cli/term/moment.h"

namespace weir::cli {
namespace {

std::int64_t Now() { return std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count(); }

struct Listed {
  std::vector<JobLine> jobs;
  bool truncated = false;
};

// Jobs that a sensor judges, newest first: those that run, and ended ones of which processes are left. No sensor is no
// error here: then none is running under a service.
Result<Listed> JudgedJobs(const Places& places) {
  const auto sensor = SensorEnd::Connect(places.sensor_socket);
  if (!sensor) return tl::unexpected(sensor.error());
  const auto answer = sensor->ListJobs();
  if (!answer) return tl::unexpected(answer.error());
  Listed listed;
  for (auto it = answer->jobs().rbegin(); it != answer->jobs().rend(); ++it) listed.jobs.push_back(LineOf(*it));
  return listed;
}

std::set<std::string> RunningIds(const Places& places) {
  std::set<std::string> ids;
  if (const auto judged = JudgedJobs(places)) {
    for (const JobLine& line : judged->jobs)
      if (!line.lingers) ids.insert(line.id);
  }
  return ids;
}

Result<Listed> RecordedJobs(const JobListOptions& options) {
  v1::ListReviewJobsRequest request;
  request.set_limit(options.limit);
  if (!options.since.empty()) {
    const auto since = ParseSince(options.since, Now());
    if (!since) return tl::unexpected(since.error());
    request.set_since_ns(*since);
  }
  const auto session = Session::OpenForReview(options.places);
  if (!session) return tl::unexpected(session.error());
  const auto answer = session->review()->ListJobs(request);
  if (!answer) return tl::unexpected(answer.error());
  const std::set<std::string> running = RunningIds(options.places);
  Listed listed;
  for (const auto& job : answer->jobs()) listed.jobs.push_back(LineOf(job, running.contains(job.job_id())));
  listed.truncated = answer->truncated();
  return listed;
}

void PutJob(const JobLine& job, const v1::JobRow& row, const Screen& screen) {
  Table table({{.title = "JOB"}, {.title = job.id, .cut = Cut::kWrap}});
  table.AddRow({"name", job.name});
  table.AddRow({"host", job.host});
  table.AddRow({"mode", Word(job.mode)});
  table.AddRow({"state", job.state});
  table.AddRow({"begin", LocalTime(job.begin_ns)});
  table.AddRow({"end", LocalTime(job.end_ns)});
  table.AddRow({"status", job.exit_status < 0 ? "-" : std::to_string(job.exit_status)});
  table.AddRow({"record", row.complete() ? Cell("complete", Tone::kGood) : Cell("incomplete", Tone::kWarn)});
  table.AddRow({"allowed", std::to_string(job.allowed)});
  table.AddRow({"denied", Cell(std::to_string(job.denied), job.denied > 0 ? Tone::kBad : Tone::kPlain)});
  table.AddRow({"would deny", Cell(std::to_string(job.would_deny), job.would_deny > 0 ? Tone::kWarn : Tone::kPlain)});
  table.AddRow({"processes", std::to_string(row.processes())});
  table.AddRow({"destinations", std::to_string(row.destinations())});
  const std::map<std::string, std::string> labels(row.labels().begin(), row.labels().end());
  for (const auto& [key, value] : labels) table.AddRow({"label " + key, value});
  Put(table.Render(screen));
}

}  // namespace

int ListJobsStep(const JobListOptions& options, const Screen& screen) {
  auto listed = options.all ? RecordedJobs(options) : JudgedJobs(options.places);
  if (!listed && !options.all && listed.error().code == Code::kUnavailable) {
    Say("no sensor runs as a service, so no job runs under one; `weir job list --all` lists recorded jobs");
    listed = Listed();
  }
  if (!listed) return Complain(listed.error());
  if (options.format == Format::kJson) {
    PutJson(JobDocument(listed->jobs, listed->truncated));
  } else {
    Put(JobTable(listed->jobs, Now()).Render(screen));
    if (listed->truncated) Say("there is more: raise --limit, or narrow by --since");
  }
  return kExitOk;
}

int ShowJobStep(const JobListOptions& options, const Screen& screen) {
  const auto session = Session::OpenForReview(options.places);
  if (!session) return Complain(session.error());
  const auto row = session->review()->FindJob(options.job);
  if (!row) return Complain(row.error());
  const JobLine line = LineOf(*row, RunningIds(options.places).contains(row->job_id()));
  if (options.format == Format::kJson) {
    PutJson(JobDocument({line}));
  } else {
    PutJob(line, *row, screen);
  }
  return kExitOk;
}

}  // namespace weir::cli
