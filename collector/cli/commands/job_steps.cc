// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "collector/cli/commands/job.h"
#include "collector/cli/commands/job_end.h"
#include "collector/cli/commands/run_child.h"
#include "collector/cli/commands/words.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"

namespace weir::cli {
namespace {

// The running job that `text` means: its id or a prefix that only one has, or "latest".
Result<v1::JobState> FindRunning(const SensorEnd& sensor, const std::string& text) {
  const auto answer = sensor.ListJobs();
  if (!answer) return tl::unexpected(answer.error());
  std::vector<v1::JobRow> rows;
  // An ended job of which processes are left can neither be joined nor ended again, and is nobody's latest.
  for (auto it = answer->jobs().rbegin(); it != answer->jobs().rend(); ++it)
    if (!it->ended()) rows.emplace_back().set_job_id(it->job_id());
  if (rows.empty()) return Fail(Code::kNotFound, "no job is running");
  const auto row = PickJob(rows, text);
  if (!row) return tl::unexpected(row.error());
  for (const auto& job : answer->jobs()) {
    if (job.job_id() == row->job_id()) return job;
  }
  return Fail(Code::kNotFound, "no job is running");
}

Places RunningSensor(Places places) {
  places.sensor = Places::Which::kRunning;
  return places;
}

Json BeginDocument(const v1::BeginJobResponse& job) {
  return {{"schema", "weir.job-begin.v1"},
          {"job_id", Text(job.job_id())},
          {"cgroup", Text(job.cgroup_path())},
          {"scope_id", job.scope_id()},
          {"armed", job.armed()},
          {"not_armed_reasons", Texts(job.not_armed_reasons())},
          {"warnings", Texts(job.warnings())}};
}

Json EndDocument(const std::string& job_id, const v1::EndJobResponse& ended) {
  return {{"schema", "weir.job-end.v1"},
          {"job_id", Text(job_id)},
          {"complete", ended.complete()},
          {"denied", ended.denied()},
          {"would_deny", ended.would_deny()},
          {"leftovers", Texts(ended.leftovers())},
          {"not_stored", ended.not_stored()},
          // As it is signed, so as text: a reader that parsed and printed it would change its bytes.
          {"record", Text(ended.record_json())}};
}

}  // namespace

int BeginJobStep(const JobBeginOptions& options) {
  auto wish = PrepareJob(options.job, {});
  if (!wish) return kExitPolicy;
  const auto sensor = SensorEnd::Connect(options.places.sensor_socket);
  if (!sensor) return Complain(sensor.error());
  const bool host = options.scope == "host";
  wish->request.set_scope(host ? v1::JOB_SCOPE_HOST : v1::JOB_SCOPE_JOB);
  // When the call returns, this program is in the job as well, and could not ask for more.
  if (host) wish->request.mutable_pids()->Add(options.pids.begin(), options.pids.end());
  const auto begun = sensor->BeginJob(wish->request);
  if (!begun) {
    Say(begun.error().what);
    return ExitCodeOfBegin(begun.error().code);
  }
  for (const int pid : host ? std::vector<int>() : options.pids) {
    if (const auto joined = sensor->JoinJob(begun->job_id(), pid); !joined) {
      // A job that does not hold what it should hold is worse than none.
      (void)sensor->EndJob(begun->job_id(), -1);
      Say("process " + std::to_string(pid) + " could not enter the job, which was ended");
      return Complain(joined.error());
    }
  }
  for (const auto& warning : begun->warnings()) Say(warning);
  for (const auto& reason : begun->not_armed_reasons()) Say("not armed: " + reason);
  if (options.format == Format::kJson) {
    PutJson(BeginDocument(*begun));
  } else {
    Put(begun->job_id() + "\n");
  }
  return kExitOk;
}

int JoinJobStep(const JobStepOptions& options, const std::vector<std::string>& command_line) {
  auto child = Child::Fork(command_line);
  if (!child) return Complain(child.error());
  if (const auto taken = child->TakeSignals(); !taken) return Complain(taken.error());
  const auto sensor = SensorEnd::Connect(options.places.sensor_socket);
  if (!sensor) return Complain(sensor.error());
  const auto job = FindRunning(*sensor, options.job);
  if (!job) return Complain(job.error());
  return RunInJob(*child, *sensor, job->job_id(), command_line.front()).status;
}

int EndJobStep(const JobStepOptions& options, const Screen& screen) {
  const auto sinks = ReportSinks::Open(options.reports);
  if (!sinks) {
    Say(sinks.error().what);
    return kExitUsage;
  }
  const auto session = Session::OpenForJobs(RunningSensor(options.places));
  if (!session) return Complain(session.error());
  const auto job = FindRunning(session->sensor(), options.job);
  if (!job) return Complain(job.error());
  EndWish wish;
  wish.job_id = job->job_id();
  wish.exit_status = options.exit_status;
  wish.mode = job->mode();
  wish.has_policy = true;  // not known here; the report tells
  wish.armed = job->armed();
  wish.quiet = options.format == Format::kJson;
  const EndOutcome ended = EndJob(*session, wish, *sinks, screen);
  if (!ended.known) return ExitCodeOf(ended.failure);
  if (options.format == Format::kJson) PutJson(EndDocument(job->job_id(), ended.response));
  return kExitOk;
}

}  // namespace weir::cli
