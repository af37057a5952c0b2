// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/convert.h"

#include <limits>
#include <utility>

#include "collector/ingest/validate.h"
#include "collector/rpc/limits.h"
#include "weir/v1/ingest.pb.h"

namespace weir::ingest {
namespace {

constexpr std::uint64_t kMaxPort = 65535;

std::vector<std::string> TakeStrings(google::protobuf::RepeatedPtrField<std::string>& from) {
  return {std::make_move_iterator(from.begin()), std::make_move_iterator(from.end())};
}

template <typename Strings>
std::size_t TotalBytes(const Strings& strings) {
  std::size_t bytes = 0;
  for (const std::string& item : strings) bytes += item.size() + 1;
  return bytes;
}

// Signed 64-bit columns hold it, and greater stays greater.
constexpr std::uint64_t kMaxCount = std::numeric_limits<std::int64_t>::max();

void CheckTime(Checker& check, std::string_view field, std::int64_t time_ns) {
  check.Between(field, time_ns, 0, std::numeric_limits<std::int64_t>::max());
}

store::Verdict VerdictFrom(Checker& check, std::string_view field, int verdict) {
  check.Between(field, verdict, v1::VERDICT_ALLOW, v1::VERDICT_WOULD_DENY);
  return static_cast<store::Verdict>(verdict);
}

store::JobBegin From(Checker& check, v1::JobBegin& in) {
  check.Text("job_begin.name", in.name(), rpc::kMaxJobName);
  check.Between("job_begin.mode", in.mode(), v1::MODE_AUDIT, v1::MODE_BLOCK);
  check.Name("job_begin.policy_digest", in.policy_digest(), rpc::kMaxShortText, true);
  check.Text("job_begin.policy_text", in.policy_text(), rpc::kMaxPolicyBytes);
  check.AtMost("job_begin.labels", static_cast<std::uint64_t>(in.labels_size()), rpc::kMaxLabels);
  check.AtMost("job_begin.command", TotalBytes(in.command()), rpc::kMaxCommandBytes);
  check.Text("job_begin.cgroup", in.cgroup(), rpc::kMaxPath);
  check.Text("job_begin.host", in.host(), rpc::kMaxShortText);
  check.Text("job_begin.kernel", in.kernel(), rpc::kMaxShortText);
  check.Text("job_begin.sensor_version", in.sensor_version(), rpc::kMaxShortText);
  store::JobBegin out;
  for (const auto& [name, value] : in.labels()) {
    check.Text("job_begin.labels", name, rpc::kMaxLabelName);
    check.Text("job_begin.labels", value, rpc::kMaxLabelValue);
    out.labels.emplace(name, value);
  }
  out.name = std::move(*in.mutable_name());
  out.mode = static_cast<store::Mode>(in.mode());
  out.policy_digest = in.policy_digest();
  out.policy_text = std::move(*in.mutable_policy_text());
  out.command = TakeStrings(*in.mutable_command());
  out.cgroup = in.cgroup();
  out.scope_id = in.scope_id();
  out.host = in.host();
  out.kernel = in.kernel();
  out.sensor_version = in.sensor_version();
  return out;
}

store::JobEnd From(Checker& check, v1::JobEnd& in) {
  check.Between("job_end.exit_status", in.exit_status(), -1, 255);
  check.Bytes("job_end.record_json", in.record_json(), rpc::kMaxRecordBytes);
  return {in.exit_status(), std::move(*in.mutable_record_json()), in.complete()};
}

store::Exec From(Checker& check, v1::ProcessExec& in) {
  check.Bytes("exec.executable", in.executable(), rpc::kMaxPath);
  check.Bytes("exec.cwd", in.cwd(), rpc::kMaxPath);
  check.Bytes("exec.comm", in.comm(), rpc::kMaxComm);
  check.Text("exec.step_name", in.step_name(), rpc::kMaxStepText);
  check.Text("exec.action_repository", in.action_repository(), rpc::kMaxStepText);
  check.Text("exec.action_ref", in.action_ref(), rpc::kMaxStepText);
  check.AtMost("exec.arguments", static_cast<std::uint64_t>(in.arguments_size()), rpc::kMaxArguments);
  check.AtMost("exec.arguments: bytes", TotalBytes(in.arguments()), rpc::kMaxArgumentBytes);
  CheckTime(check, "exec.start_time_ns", in.start_time_ns());
  store::Exec out;
  out.exec_id = in.exec_id();
  out.parent_exec_id = in.parent_exec_id();
  out.pid = in.pid();
  out.parent_pid = in.parent_pid();
  out.start_ns = in.start_time_ns();
  out.uid = in.uid();
  out.gid = in.gid();
  out.executable = std::move(*in.mutable_executable());
  out.arguments = TakeStrings(*in.mutable_arguments());
  out.cwd = std::move(*in.mutable_cwd());
  out.device = in.device();
  out.inode = in.inode();
  out.cgroup_id = in.cgroup_id();
  out.arguments_full_bytes = in.arguments_full_bytes();
  out.arguments_truncated = in.arguments_truncated();
  out.path_truncated = in.path_truncated();
  out.deleted = in.deleted();
  out.memfd = in.memfd();
  out.tmpfs = in.tmpfs();
  out.entered = in.entered();
  out.comm = std::move(*in.mutable_comm());
  out.step_name = std::move(*in.mutable_step_name());
  out.action_repository = std::move(*in.mutable_action_repository());
  out.action_ref = std::move(*in.mutable_action_ref());
  return out;
}

store::FlowKey From(Checker& check, v1::FlowId& in) {
  check.Address("flow.id.address", in.address());
  check.AtMost("flow.id.port", in.port(), kMaxPort);
  check.Keyword("flow.id.protocol", in.protocol(), true);
  check.Keyword("flow.id.why", in.why(), true);
  check.Between("flow.id.hook", in.hook(), v1::HOOK_SOCKET, v1::HOOK_FORWARDER);
  return {in.exec_id(),
          std::move(*in.mutable_address()),
          in.port(),
          std::move(*in.mutable_protocol()),
          VerdictFrom(check, "flow.id.verdict", in.verdict()),
          static_cast<store::Hook>(in.hook()),
          std::move(*in.mutable_why())};
}

store::Flow From(Checker& check, v1::Flow& in) {
  check.Bytes("flow.comm", in.comm(), rpc::kMaxComm);
  check.Text("flow.name", in.name(), rpc::kMaxDnsName);
  check.Text("flow.rule", in.rule(), rpc::kMaxRule);
  check.AtMost("flow.source_port", in.source_port(), kMaxPort);
  check.Text("flow.socket_kind", in.socket_kind(), rpc::kMaxKeyword);
  return {From(check, *in.mutable_id()),
          in.pid(),
          std::move(*in.mutable_comm()),
          std::move(*in.mutable_name()),
          in.rule_id(),
          std::move(*in.mutable_rule()),
          in.source_port(),
          std::move(*in.mutable_socket_kind())};
}

store::FlowTotals From(Checker& check, v1::FlowTotals& in) {
  CheckTime(check, "flow_totals.first_time_ns", in.first_time_ns());
  CheckTime(check, "flow_totals.last_time_ns", in.last_time_ns());
  check.AtMost("flow_totals.count", in.count(), kMaxCount);
  check.AtMost("flow_totals.bytes_out", in.bytes_out(), kMaxCount);
  check.AtMost("flow_totals.bytes_in", in.bytes_in(), kMaxCount);
  check.AtMost("flow_totals.packets_out", in.packets_out(), kMaxCount);
  check.AtMost("flow_totals.packets_in", in.packets_in(), kMaxCount);
  return {From(check, *in.mutable_id()),
          {in.first_time_ns(), in.last_time_ns(), in.count(), in.bytes_out(), in.bytes_in(), in.packets_out(),
           in.packets_in()}};
}

store::DnsQuery From(Checker& check, v1::DnsQuery& in) {
  check.Bytes("dns_query.comm", in.comm(), rpc::kMaxComm);
  check.Text("dns_query.name", in.name(), rpc::kMaxDnsName);
  check.Name("dns_query.type", in.type(), rpc::kMaxKeyword, true);
  check.Address("dns_query.server", in.server());
  check.Keyword("dns_query.why", in.why(), true);
  check.Text("dns_query.rule", in.rule(), rpc::kMaxRule);
  return {in.exec_id(),
          in.pid(),
          std::move(*in.mutable_comm()),
          std::move(*in.mutable_name()),
          in.type(),
          in.server(),
          VerdictFrom(check, "dns_query.verdict", in.verdict()),
          in.why(),
          in.rule_id(),
          std::move(*in.mutable_rule()),
          in.tcp()};
}

store::DnsAnswer From(Checker& check, v1::DnsAnswer& in) {
  check.Text("dns_answer.name", in.name(), rpc::kMaxDnsName);
  check.Name("dns_answer.type", in.type(), rpc::kMaxKeyword, true);
  check.Address("dns_answer.server", in.server());
  check.AtMost("dns_answer.addresses", static_cast<std::uint64_t>(in.addresses_size()), rpc::kMaxAnswerAddresses);
  for (const std::string& address : in.addresses()) check.Address("dns_answer.addresses", address);
  return {in.exec_id(),
          in.pid(),
          std::move(*in.mutable_name()),
          in.type(),
          in.server(),
          TakeStrings(*in.mutable_addresses()),
          in.address_count(),
          in.ttl_s(),
          in.rule_id(),
          in.tcp()};
}

store::Finding From(Checker& check, v1::Finding& in) {
  check.Keyword("finding.kind", in.kind());
  check.Text("finding.detail", in.detail(), rpc::kMaxDetail);
  check.Bytes("finding.comm", in.comm(), rpc::kMaxComm);
  return {in.kind(), std::move(*in.mutable_detail()), in.exec_id(), in.pid(), in.comm()};
}

store::Gap From(Checker& check, v1::Gap& in) {
  check.Keyword("gap.reason", in.reason());
  CheckTime(check, "gap.from_ns", in.from_ns());
  CheckTime(check, "gap.until_ns", in.until_ns());
  check.AtMost("gap.lost", static_cast<std::uint64_t>(in.lost_size()), rpc::kMaxLostKinds);
  store::Gap out{in.reason(), in.from_ns(), in.until_ns(), {}};
  for (const auto& [kind, count] : in.lost()) {
    check.Keyword("gap.lost", kind);
    out.lost.emplace(kind, count);
  }
  return out;
}

store::Heartbeat From(Checker& check, v1::Heartbeat& in) {
  check.Text("heartbeat.sensor_version", in.sensor_version(), rpc::kMaxShortText);
  check.Text("heartbeat.kernel", in.kernel(), rpc::kMaxShortText);
  check.Text("heartbeat.host", in.host(), rpc::kMaxShortText);
  return {in.sensor_version(), in.kernel(), in.host(), in.armed(), in.jobs()};
}

store::Fork From(Checker& check, const v1::ProcessFork& in) {
  CheckTime(check, "fork.start_time_ns", in.start_time_ns());
  return {in.exec_id(), in.pid(), in.parent_pid(), in.start_time_ns()};
}

store::Body BodyFrom(Checker& check, v1::Event& in) {
  switch (in.body_case()) {
    case v1::Event::kJobBegin: return From(check, *in.mutable_job_begin());
    case v1::Event::kJobEnd: return From(check, *in.mutable_job_end());
    case v1::Event::kExec: return From(check, *in.mutable_exec());
    case v1::Event::kFork: return From(check, in.fork());
    case v1::Event::kExit: return store::Exit{in.exit().exec_id(), in.exit().pid(), in.exit().wait_status()};
    case v1::Event::kFlow: return From(check, *in.mutable_flow());
    case v1::Event::kFlowTotals: return From(check, *in.mutable_flow_totals());
    case v1::Event::kDnsQuery: return From(check, *in.mutable_dns_query());
    case v1::Event::kDnsAnswer: return From(check, *in.mutable_dns_answer());
    case v1::Event::kFinding: return From(check, *in.mutable_finding());
    case v1::Event::kGap: return From(check, *in.mutable_gap());
    case v1::Event::kHeartbeat: return From(check, *in.mutable_heartbeat());
    case v1::Event::BODY_NOT_SET: break;
  }
  check.Fault("body", "a kind of event that this collector does not know; upgrade it before the sensors",
              Code::kUnsupported);
  return store::Heartbeat{};
}

bool MayBeAboutSensor(const store::Body& body) {
  return std::holds_alternative<store::Heartbeat>(body) || std::holds_alternative<store::Gap>(body) ||
         std::holds_alternative<store::Finding>(body);
}

void CheckBatch(Checker& check, const v1::EventBatch& batch) {
  check.Name("sensor", batch.sensor(), rpc::kMaxSensorName);
  if (batch.epoch() == 0) check.Fault("epoch", "is 0");
  if (batch.events_size() == 0) check.Fault("events", "is empty");
  check.AtMost("events", static_cast<std::uint64_t>(batch.events_size()), rpc::kMaxBatchEvents);
  const std::size_t limit = batch.events_size() == 1 ? rpc::kMaxEventBytes : rpc::kMaxBatchBytes;
  check.AtMost("size in bytes", batch.ByteSizeLong(), limit);
}

}  // namespace

Result<store::Batch> ToBatch(v1::EventBatch& batch) {
  Checker check;
  CheckBatch(check, batch);
  store::Batch out{batch.sensor(), batch.epoch(), {}};
  std::uint64_t previous = 0;
  for (int i = 0; check.ok() && i < batch.events_size(); ++i) {
    v1::Event& in = *batch.mutable_events(i);
    check.Enter("event " + std::to_string(i) + " (sequence " + std::to_string(in.sequence()) + ")");
    if (in.sequence() <= previous) check.Fault("sequence", "does not ascend");
    check.AtMost("sequence", in.sequence(), kMaxCount);
    CheckTime(check, "time_ns", in.time_ns());
    check.Name("job_id", in.job_id(), rpc::kMaxJobId, true);
    previous = in.sequence();
    store::Event event{in.sequence(), in.time_ns(), in.job_id(), BodyFrom(check, in), in.step()};
    if (event.job_id.empty() && !MayBeAboutSensor(event.body)) check.Fault("job_id", "is empty");
    out.events.push_back(std::move(event));
  }
  if (!check.ok()) return tl::unexpected<Error>(check.fault());
  return out;
}

}  // namespace weir::ingest
