// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/job_state.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "bpf/abi.h"
#include "sensor/jobs/job_id.h"

namespace weir::jobs {

using nlohmann::json;

namespace {

constexpr const char* kSchema = "weir.job-state.v1";

json ToJson(const Canary& canary) {
  return {{"time_ns", canary.time_ns},     {"expected", canary.expected_verdict},
          {"verdict", canary.verdict},     {"why", canary.why},
          {"errno", canary.connect_errno}, {"netns_cookie", canary.netns_cookie},
          {"proven", canary.proven},       {"reason", canary.reason}};
}

Canary CanaryFrom(const json& from) {
  Canary canary;
  canary.time_ns = from.at("time_ns").get<std::int64_t>();
  canary.expected_verdict = from.at("expected").get<std::uint8_t>();
  canary.verdict = from.at("verdict").get<std::uint8_t>();
  canary.why = from.at("why").get<std::uint8_t>();
  canary.connect_errno = from.at("errno").get<int>();
  canary.netns_cookie = from.at("netns_cookie").get<std::uint64_t>();
  canary.proven = from.at("proven").get<bool>();
  canary.reason = from.at("reason").get<std::string>();
  return canary;
}

json ToJson(const StreamSegment& segment) {
  return {{"epoch", segment.epoch},
          {"events", segment.events},
          {"first_sequence", segment.first_sequence},
          {"last_sequence", segment.last_sequence},
          {"sha256", segment.sha256}};
}

StreamSegment SegmentFrom(const json& from) {
  return {from.at("epoch").get<std::uint64_t>(), from.at("events").get<std::uint64_t>(),
          from.at("first_sequence").get<std::uint64_t>(), from.at("last_sequence").get<std::uint64_t>(),
          from.at("sha256").get<std::string>()};
}

json ToJson(const RecordedGap& gap) {
  return {
      {"reason", gap.reason}, {"from_ns", gap.from_ns}, {"until_ns", gap.until_ns}, {"lost_at_most", gap.lost_at_most}};
}

RecordedGap GapFrom(const json& from) {
  return {from.at("reason").get<std::string>(), from.at("from_ns").get<std::int64_t>(),
          from.at("until_ns").get<std::int64_t>(), from.at("lost_at_most").get<std::uint64_t>()};
}

template <typename T>
json ListToJson(const std::vector<T>& list) {
  json out = json::array();
  for (const T& item : list) out.push_back(ToJson(item));
  return out;
}

// nlohmann throws on what does not fit; that stays inside JobStateFromJson.
JobState StateFrom(const json& from) {
  JobState state;
  from.at("boot_id").get_to(state.boot_id);
  from.at("job_id").get_to(state.job_id);
  from.at("scope_id").get_to(state.scope_id);
  from.at("name").get_to(state.name);
  from.at("policy_text").get_to(state.policy_text);
  from.at("policy_path").get_to(state.policy_path);
  from.at("policy_job").get_to(state.policy_job);
  from.at("policy_digest").get_to(state.policy_digest);
  from.at("mode").get_to(state.mode);
  from.at("allow").get_to(state.allow);
  from.at("labels").get_to(state.labels);
  from.at("command").get_to(state.command);
  from.at("resolvers").get_to(state.resolvers);
  from.at("search").get_to(state.search);
  from.at("compiled_on").get_to(state.compiled_on);
  from.at("cgroup_path").get_to(state.cgroup_path);
  from.at("cgroup_id").get_to(state.cgroup_id);
  from.at("netns_inode").get_to(state.netns_inode);
  from.at("netns_cookie").get_to(state.netns_cookie);
  from.at("begin_time_ns").get_to(state.begin_time_ns);
  from.at("armed").get_to(state.armed);
  from.at("armed_time_ns").get_to(state.armed_time_ns);
  from.at("not_armed_reasons").get_to(state.not_armed_reasons);
  for (const json& item : from.at("canaries")) state.canaries.push_back(CanaryFrom(item));
  for (const json& item : from.at("segments")) state.segments.push_back(SegmentFrom(item));
  for (const json& item : from.at("gaps")) state.gaps.push_back(GapFrom(item));
  from.at("checkpoint_time_ns").get_to(state.checkpoint_time_ns);
  from.at("events_read").get_to(state.events_read);
  from.at("dropped").get_to(state.dropped);
  from.at("forwarder_counts").get_to(state.forwarder_counts);
  // Added later: files of earlier sensors have none, hold only jobs that run, and lost that count with the process.
  if (from.contains("end_time_ns")) from.at("end_time_ns").get_to(state.end_time_ns);
  if (from.contains("undelivered")) from.at("undelivered").get_to(state.undelivered);
  if (from.contains("exit_status")) from.at("exit_status").get_to(state.exit_status);
  if (from.contains("host")) from.at("host").get_to(state.host);
  if (from.contains("worker_pid")) from.at("worker_pid").get_to(state.worker_pid);
  if (from.contains("worker_start_ticks")) from.at("worker_start_ticks").get_to(state.worker_start_ticks);
  return state;
}

}  // namespace

std::string JobStateToJson(const JobState& state) {
  const json out = {{"schema", kSchema},
                    {"boot_id", state.boot_id},
                    {"job_id", state.job_id},
                    {"scope_id", state.scope_id},
                    {"name", state.name},
                    {"policy_text", state.policy_text},
                    {"policy_path", state.policy_path},
                    {"policy_job", state.policy_job},
                    {"policy_digest", state.policy_digest},
                    {"mode", state.mode},
                    {"allow", state.allow},
                    {"labels", state.labels},
                    {"command", state.command},
                    {"resolvers", state.resolvers},
                    {"search", state.search},
                    {"compiled_on", state.compiled_on},
                    {"cgroup_path", state.cgroup_path},
                    {"cgroup_id", state.cgroup_id},
                    {"host", state.host},
                    {"netns_inode", state.netns_inode},
                    {"netns_cookie", state.netns_cookie},
                    {"begin_time_ns", state.begin_time_ns},
                    {"armed", state.armed},
                    {"armed_time_ns", state.armed_time_ns},
                    {"not_armed_reasons", state.not_armed_reasons},
                    {"canaries", ListToJson(state.canaries)},
                    {"segments", ListToJson(state.segments)},
                    {"gaps", ListToJson(state.gaps)},
                    {"checkpoint_time_ns", state.checkpoint_time_ns},
                    {"events_read", state.events_read},
                    {"dropped", state.dropped},
                    {"undelivered", state.undelivered},
                    {"forwarder_counts", state.forwarder_counts},
                    {"end_time_ns", state.end_time_ns},
                    {"exit_status", state.exit_status},
                    {"worker_pid", state.worker_pid},
                    {"worker_start_ticks", state.worker_start_ticks}};
  // Names and commands are a caller's bytes: what is no UTF-8 is replaced rather than thrown over.
  return out.dump(1, ' ', false, json::error_handler_t::replace);
}

Result<JobState> JobStateFromJson(std::string_view text) {
  // Converting a fraction or 1e20 to an integer is undefined; we write neither.
  bool fraction = false;
  const auto look = [&](int, json::parse_event_t event, const json& value) {
    if (event == json::parse_event_t::value && value.is_number_float()) fraction = true;
    return true;
  };
  const json from = json::parse(text, look, /*allow_exceptions=*/false);
  if (from.is_discarded() || !from.is_object()) return Fail(Code::kInvalid, "it is no JSON object");
  if (fraction) return Fail(Code::kInvalid, "it holds a number that is no integer of 64 bits");
  try {
    if (from.at("schema") != kSchema) return Fail(Code::kInvalid, std::string("its schema is not ") + kSchema);
    JobState state = StateFrom(from);
    if (!IsJobId(state.job_id)) return Fail(Code::kInvalid, "its job id is not one");
    if (state.scope_id == 0) return Fail(Code::kInvalid, "its scope id is 0");
    if (state.mode != WEIR_MODE_AUDIT && state.mode != WEIR_MODE_BLOCK) {
      return Fail(Code::kInvalid, "its mode is neither audit nor block");
    }
    return state;
  } catch (const json::exception& fault) {
    return Fail(Code::kInvalid, fault.what());
  }
}

}  // namespace weir::jobs
