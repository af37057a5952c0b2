// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "collector/report/escape.h"
#include "collector/report/render.h"
#include "collector/report/words.h"

namespace weir::report {
namespace {

using Json = nlohmann::ordered_json;

Json Strings(const std::vector<std::string>& from) {
  Json array = Json::array();
  for (const std::string& item : from) array.push_back(ForJson(item));
  return array;
}

/// Numbers above 2^53 lose digits in many readers; ids are therefore text.
std::string Id(std::uint64_t id) { return std::to_string(id); }

Json Counts(const VerdictCounts& counts) {
  return {{"allowed", counts.allowed}, {"denied", counts.denied}, {"would_deny", counts.would_deny}};
}

Json Lost(const std::map<std::string, std::uint64_t>& lost) {
  Json object = Json::object();
  for (const auto& [kind, count] : lost) object[ForJson(kind)] = count;
  return object;
}

Json Job(const store::StoredJob& job) {
  Json labels = Json::object();
  for (const auto& [name, value] : job.begin.labels) labels[ForJson(name)] = ForJson(value);
  return {{"id", ForJson(job.job_id)},
          {"name", ForJson(job.begin.name)},
          {"mode", ModeWord(job.begin.mode)},
          {"host", ForJson(job.begin.host)},
          {"sensor", ForJson(job.sensor)},
          {"sensor_version", ForJson(job.begin.sensor_version)},
          {"kernel", ForJson(job.begin.kernel)},
          {"command", Strings(job.begin.command)},
          {"labels", labels},
          {"policy_digest", ForJson(job.begin.policy_digest)},
          {"begin_time_ns", job.begin_ns},
          {"end_time_ns", job.end_ns},
          {"ended", job.end_ns != 0},
          {"exit_status", job.end_ns != 0 && job.end.exit_status >= 0 ? Json(job.end.exit_status) : Json(nullptr)}};
}

Json SummaryOf(const JobReport& report) {
  const Summary& summary = report.summary;
  return {{"stamp", Stamp(summary)},
          {"headline", Headline(report)},
          {"watch", WatchWord(summary.watch)},
          {"complete", summary.complete},
          {"reasons", Strings(summary.reasons)},
          {"counts", Counts(summary.counts)},
          {"counts_exact", summary.counts_exact}};
}

Json RecordOf(const JobReport& report) {
  if (!report.record) return nullptr;
  const Record& record = *report.record;
  Json hooks = Json::object();
  for (const auto& [hook, counts] : record.counts_by_hook) hooks[ForJson(hook)] = Counts(counts);
  Json gaps = Json::array();
  for (const RecordGap& gap : record.gaps) {
    gaps.push_back({{"reason", ForJson(gap.reason)},
                    {"from", ForJson(gap.from)},
                    {"until", ForJson(gap.until)},
                    {"lost_at_most", gap.lost_at_most}});
  }
  Json canaries = Json::array();
  for (const RecordCanary& canary : record.canaries) {
    canaries.push_back({{"at", ForJson(canary.at)},
                        {"verdict", ForJson(canary.verdict)},
                        {"proven", canary.proven},
                        {"reason", ForJson(canary.reason)}});
  }
  Json guard = Json::object();
  for (const RecordGuard& known : record.guard) {
    guard[ForJson(known.name)] = {{"state", ForJson(known.state)},
                                  {"why", ForJson(known.why)},
                                  {"action", ForJson(known.action)},
                                  {"denied", known.denied},
                                  {"reported", known.reported}};
  }
  return {{"armed", record.armed},
          {"complete", record.complete},
          {"canaries", canaries},
          {"guard", guard},
          {"counts_by_hook", hooks},
          {"lost_in_kernel", Lost(record.lost_in_kernel)},
          {"lost_in_sensor", Lost(record.lost_in_sensor)},
          {"undecodable", record.undecodable},
          {"undelivered", record.undelivered},
          {"gaps", gaps},
          {"policy_digest", ForJson(record.policy_digest)},
          {"event_digest", ForJson(record.event_digest)}};
}

Json ContactOf(const Contact& contact) {
  const store::Flow& flow = contact.stored.flow;
  const store::Totals& totals = contact.stored.totals;
  return {{"verdict", VerdictWord(flow.key.verdict)},
          {"hook", HookWord(flow.key.hook)},
          {"why", ForJson(flow.key.why)},
          {"rule", ForJson(flow.rule)},
          {"name", ForJson(flow.name)},
          {"address", ForJson(flow.key.address)},
          {"port", flow.key.port},
          {"protocol", ForJson(flow.key.protocol)},
          {"query_type", ForJson(contact.stored.query_type)},
          {"socket_kind", ForJson(flow.socket_kind)},
          {"step", contact.stored.step.number},
          {"step_name", ForJson(contact.stored.step.name)},
          {"exec_id", Id(flow.key.exec_id)},
          {"pid", flow.pid},
          {"comm", ForJson(flow.comm)},
          {"executable", ForJson(contact.executable)},
          {"arguments", Strings(contact.arguments)},
          {"ancestry", Strings(contact.ancestry)},
          {"first_time_ns", totals.first_ns},
          {"last_time_ns", totals.last_ns},
          {"count", totals.count},
          {"bytes_out", totals.bytes_out},
          {"bytes_in", totals.bytes_in},
          {"packets_out", totals.packets_out},
          {"packets_in", totals.packets_in}};
}

Json Contacts(const std::vector<Contact>& contacts) {
  Json array = Json::array();
  for (const Contact& contact : contacts) array.push_back(ContactOf(contact));
  return array;
}

Json Destinations(const JobReport& report) {
  Json array = Json::array();
  for (const Destination& to : report.destinations) {
    array.push_back({{"name", ForJson(to.name)},
                     {"addresses", Strings(to.addresses)},
                     {"port", to.port},
                     {"protocol", ForJson(to.protocol)},
                     {"rules", Strings(to.rules)},
                     {"executables", Strings(to.processes)},
                     {"count", to.totals.count},
                     {"bytes_out", to.totals.bytes_out},
                     {"bytes_in", to.totals.bytes_in},
                     {"first_time_ns", to.totals.first_ns},
                     {"last_time_ns", to.totals.last_ns}});
  }
  return array;
}

Json Steps(const JobReport& report) {
  Json array = Json::array();
  for (const StepReport& step : report.steps) {
    array.push_back({{"step", step.stored.step.number},
                     {"step_name", ForJson(step.stored.step.name)},
                     {"action_repository", ForJson(step.stored.action_repository)},
                     {"action_ref", ForJson(step.stored.action_ref)},
                     {"arguments", Strings(step.arguments)},
                     {"time_ns", step.stored.time_ns},
                     {"processes", step.processes},
                     {"findings", step.findings},
                     {"destinations", step.destinations},
                     {"reached", Strings(step.reached)},
                     {"denied", step.denied},
                     {"would_deny", step.would_deny},
                     {"refused", Strings(step.refused)},
                     {"bytes_out", step.bytes_out},
                     {"bytes_in", step.bytes_in}});
  }
  return array;
}

Json ProcessOf(const Process& process) {
  const store::Exec& exec = process.stored.exec;
  return {{"exec_id", Id(exec.exec_id)},
          {"parent_exec_id", Id(exec.parent_exec_id)},
          {"pid", exec.pid},
          {"parent_pid", exec.parent_pid},
          {"step", process.stored.step.number},
          {"step_name", ForJson(process.stored.step.name)},
          {"uid", exec.uid},
          {"gid", exec.gid},
          {"executable", ForJson(exec.executable)},
          {"arguments", Strings(exec.arguments)},
          {"arguments_truncated", exec.arguments_truncated},
          {"arguments_full_bytes", exec.arguments_full_bytes},
          {"cwd", ForJson(exec.cwd)},
          {"comm", ForJson(exec.comm)},
          {"device", exec.device},
          {"inode", Id(exec.inode)},
          {"path_truncated", exec.path_truncated},
          {"deleted", exec.deleted},
          {"memfd", exec.memfd},
          {"tmpfs", exec.tmpfs},
          {"entered", exec.entered},
          {"time_ns", process.stored.time_ns},
          {"exit_time_ns", process.stored.exit_ns},
          {"wait_status", process.stored.exit_ns != 0 ? Json(process.stored.wait_status) : Json(nullptr)},
          {"forks", process.stored.forks},
          {"flows_allowed", process.stored.flows_allowed},
          {"flows_denied", process.stored.flows_denied}};
}

Json Findings(const JobReport& report) {
  Json array = Json::array();
  for (const store::StoredFinding& stored : report.findings) {
    array.push_back({{"kind", ForJson(stored.finding.kind)},
                     {"detail", ForJson(stored.finding.detail)},
                     {"exec_id", Id(stored.finding.exec_id)},
                     {"step", stored.step.number},
                     {"step_name", ForJson(stored.step.name)},
                     {"pid", stored.finding.pid},
                     {"comm", ForJson(stored.finding.comm)},
                     {"time_ns", stored.time_ns}});
  }
  return array;
}

Json Gaps(const JobReport& report) {
  Json array = Json::array();
  for (const store::StoredGap& stored : report.gaps) {
    array.push_back({{"reason", ForJson(stored.gap.reason)},
                     {"from_ns", stored.gap.from_ns},
                     {"until_ns", stored.gap.until_ns},
                     {"lost", Lost(stored.gap.lost)}});
  }
  return array;
}

Json SequenceGaps(const JobReport& report) {
  Json array = Json::array();
  for (const store::SequenceGap& gap : report.sequence_gaps) {
    array.push_back({{"first_sequence", gap.first_sequence},
                     {"last_sequence", gap.last_sequence},
                     {"after_ns", gap.after_ns},
                     {"before_ns", gap.before_ns}});
  }
  return array;
}

}  // namespace

std::string RenderJson(const JobReport& report) {
  Json processes = Json::array();
  for (const Process& process : report.processes) processes.push_back(ProcessOf(process));
  const Json document = {{"schema", "weir.report.v1"},
                         {"job", Job(report.job)},
                         {"summary", SummaryOf(report)},
                         {"record", RecordOf(report)},
                         {"refused", Contacts(report.refused)},
                         {"allowed", Contacts(report.allowed)},
                         {"destinations", Destinations(report)},
                         {"steps", Steps(report)},
                         {"processes", std::move(processes)},
                         {"findings", Findings(report)},
                         {"gaps", Gaps(report)},
                         {"sequence_gaps", SequenceGaps(report)},
                         {"suggestion", Strings(report.suggestion)}};
  constexpr int kIndent = 1;
  // ASCII only: what a terminal would act on is spelled \u009b, \u202e, ….
  return JsonDocument(document.dump(kIndent, ' ', /*ensure_ascii=*/true)) + "\n";
}

}  // namespace weir::report
