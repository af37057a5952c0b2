// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/rows.h"
#include "collector/cli/term/moment.h"

namespace weir::cli {

namespace {

// A job of which nothing was proven must not look like one in which nothing happened.
Cell RecordOf(const JobLine& job) {
  if (job.lingers) return Cell("ended, " + std::to_string(job.leftovers) + " left", Tone::kWarn);
  if (job.state == "running") return job.proven ? Cell("running") : Cell("NOT ARMED", Tone::kBad);
  if (job.state == "ended") return job.proven ? Cell("complete") : Cell("INCOMPLETE", Tone::kWarn);
  return Cell(job.state, Tone::kWarn);
}

}  // namespace

JobLine LineOf(const v1::JobState& job) {
  JobLine line;
  line.id = job.job_id();
  line.name = job.name();
  line.mode = job.mode();
  line.state = job.ended() ? "ended" : "running";
  line.lingers = job.ended();
  line.leftovers = job.leftovers();
  line.begin_ns = job.begin_time_ns();
  line.end_ns = job.end_time_ns();
  line.exit_status = job.ended() ? job.exit_status() : -1;
  line.allowed = job.allowed();
  line.denied = job.denied();
  line.would_deny = job.would_deny();
  line.proven = job.armed();
  line.more = {{"armed", job.armed()},
               {"adopted", job.adopted()},
               {"lost", job.lost()},
               {"tasks", job.tasks()},
               {"leftovers", job.leftovers()},
               {"scope_id", job.scope_id()},
               {"cgroup", Text(job.cgroup_path())},
               {"labels", LabelsOf(job.labels())}};
  return line;
}

JobLine LineOf(const v1::JobRow& job, bool running) {
  JobLine line;
  line.id = job.job_id();
  line.name = job.name();
  line.host = job.host();
  line.mode = job.mode();
  line.state = job.ended() ? "ended" : running ? "running" : "no-end";
  line.begin_ns = job.begin_time_ns();
  line.end_ns = job.end_time_ns();
  line.exit_status = job.ended() ? job.exit_status() : -1;
  line.allowed = job.allowed();
  line.denied = job.denied();
  line.would_deny = job.would_deny();
  // The collector knows of a running job only what arrived; the sensor says whether it is armed.
  line.proven = job.complete() || line.state == "running";
  line.more = {{"host", Text(job.host())},
               {"complete", job.complete()},
               {"processes", job.processes()},
               {"destinations", job.destinations()},
               {"labels", LabelsOf(job.labels())}};
  return line;
}

Table JobTable(const std::vector<JobLine>& jobs, std::int64_t now_ns) {
  Table table({{.title = "ID"},
               {.title = "NAME", .cut = Cut::kMiddle},
               {.title = "MODE", .spare = 4},
               {.title = "RECORD"},
               {.title = "BEGIN", .spare = 5},
               {.title = "TOOK", .align = Align::kRight, .spare = 6},
               {.title = "STATUS", .align = Align::kRight, .spare = 2},
               {.title = "ALLOWED", .align = Align::kRight, .spare = 3},
               {.title = "DENIED", .align = Align::kRight},
               {.title = "WOULD DENY", .align = Align::kRight, .spare = 1}});
  for (const JobLine& job : jobs) {
    const std::int64_t until = job.end_ns != 0 ? job.end_ns : job.state == "running" ? now_ns : job.begin_ns - 1;
    table.AddRow({job.id, job.name, Word(job.mode), RecordOf(job), LocalTime(job.begin_ns), Span(until - job.begin_ns),
                  job.exit_status < 0 ? "-" : std::to_string(job.exit_status), std::to_string(job.allowed),
                  Cell(std::to_string(job.denied), job.denied > 0 ? Tone::kBad : Tone::kPlain),
                  Cell(std::to_string(job.would_deny), job.would_deny > 0 ? Tone::kWarn : Tone::kPlain)});
  }
  return table;
}

Json JobJson(const JobLine& job) {
  Json json = {{"id", Text(job.id)},          {"name", Text(job.name)},        {"mode", Word(job.mode)},
               {"state", job.state},          {"begin_time_ns", job.begin_ns}, {"end_time_ns", job.end_ns},
               {"exit_status", nullptr},      {"allowed", job.allowed},        {"denied", job.denied},
               {"would_deny", job.would_deny}};
  if (job.exit_status >= 0) json["exit_status"] = job.exit_status;
  json.update(job.more);
  return json;
}

Json JobDocument(const std::vector<JobLine>& jobs, bool truncated) {
  Json list = Json::array();
  for (const JobLine& job : jobs) list.push_back(JobJson(job));
  return {{"schema", "weir.jobs.v1"}, {"truncated", truncated}, {"jobs", std::move(list)}};
}

}  // namespace weir::cli
