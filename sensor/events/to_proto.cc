// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/to_proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <string_view>
#include <variant>

#include "sensor/events/keywords.h"
#include "sensor/events/text.h"
#include "weir/v1/event.pb.h"

namespace weir::events {
namespace {

void SetComm(const Comm& comm, std::string* out) { out->assign(CommText(comm)); }

void SetFlowId(const FlowId& id, v1::FlowId& out) {
  out.set_exec_id(id.exec_id);
  out.set_address(AddressText(id.address));
  out.set_port(id.port);
  // A refused socket() has its protocol in socket_kind; 0 is no protocol of a flow.
  if (id.protocol) out.set_protocol(ProtocolText(id.protocol));
  out.set_verdict(static_cast<v1::Verdict>(id.verdict));
  out.set_hook(static_cast<v1::Hook>(id.hook));
  const std::string_view why = WhyWord(id.why);
  out.set_why(why.data(), why.size());
}

// Arguments are separated by NULs; the last one lacks its own when the copy was cut.
void SetArguments(std::string_view arguments, v1::ProcessExec& out) {
  while (!arguments.empty()) {
    const std::size_t end = std::min(arguments.find('\0'), arguments.size());
    out.add_arguments(arguments.data(), end);
    arguments.remove_prefix(std::min(end + 1, arguments.size()));
  }
}

void Set(const ProcessExec& exec, v1::Event& event) {
  v1::ProcessExec& out = *event.mutable_exec();
  out.set_exec_id(exec.exec_id);
  out.set_parent_exec_id(exec.parent_exec_id);
  out.set_pid(exec.pid);
  out.set_parent_pid(exec.parent_pid);
  out.set_start_time_ns(exec.start_time_ns);
  out.set_uid(exec.uid);
  out.set_gid(exec.gid);
  out.set_executable(exec.executable);
  SetArguments(exec.arguments, out);
  out.set_cwd(exec.cwd);
  out.set_device(exec.device);
  out.set_inode(exec.inode);
  out.set_cgroup_id(exec.cgroup_id);
  out.set_arguments_truncated(exec.arguments_truncated);
  out.set_arguments_full_bytes(exec.arguments_full_bytes);
  out.set_path_truncated(exec.path_truncated);
  out.set_deleted(exec.deleted);
  out.set_memfd(exec.memfd);
  out.set_tmpfs(exec.tmpfs);
  out.set_entered(exec.entered);
  SetComm(exec.comm, out.mutable_comm());
  out.set_step_name(exec.step_name);
  out.set_action_repository(exec.action_repository);
  out.set_action_ref(exec.action_ref);
}

void Set(const ProcessFork& fork, v1::Event& event) {
  v1::ProcessFork& out = *event.mutable_fork();
  out.set_exec_id(fork.exec_id);
  out.set_pid(fork.pid);
  out.set_parent_pid(fork.parent_pid);
  out.set_start_time_ns(fork.start_time_ns);
}

void Set(const ProcessExit& exit, v1::Event& event) {
  v1::ProcessExit& out = *event.mutable_exit();
  out.set_exec_id(exit.exec_id);
  out.set_pid(exit.pid);
  out.set_wait_status(exit.wait_status);
}

void Set(const Flow& flow, v1::Event& event) {
  v1::Flow& out = *event.mutable_flow();
  SetFlowId(flow.id, *out.mutable_id());
  out.set_pid(flow.pid);
  SetComm(flow.comm, out.mutable_comm());
  out.set_name(NameText(flow.name));
  out.set_rule_id(flow.rule_id);
  out.set_rule(Utf8(flow.rule));
  out.set_source_port(flow.source_port);
  out.set_socket_kind(SocketKindText(flow.socket_kind));
}

void Set(const FlowTotals& totals, v1::Event& event) {
  v1::FlowTotals& out = *event.mutable_flow_totals();
  SetFlowId(totals.id, *out.mutable_id());
  out.set_first_time_ns(totals.first_time_ns);
  out.set_last_time_ns(totals.last_time_ns);
  out.set_count(totals.count);
  out.set_bytes_out(totals.bytes_out);
  out.set_bytes_in(totals.bytes_in);
  out.set_packets_out(totals.packets_out);
  out.set_packets_in(totals.packets_in);
}

void Set(const DnsQuery& query, v1::Event& event) {
  v1::DnsQuery& out = *event.mutable_dns_query();
  out.set_exec_id(query.exec_id);
  out.set_pid(query.pid);
  SetComm(query.comm, out.mutable_comm());
  out.set_name(NameText(query.name));
  out.set_type(QueryTypeText(query.type));
  out.set_server(AddressText(query.server));
  out.set_verdict(static_cast<v1::Verdict>(query.verdict));
  const std::string_view why = WhyWord(query.why);
  out.set_why(why.data(), why.size());
  out.set_rule_id(query.rule_id);
  out.set_rule(Utf8(query.rule));
  out.set_tcp(query.tcp);
}

void Set(const DnsAnswer& answer, v1::Event& event) {
  v1::DnsAnswer& out = *event.mutable_dns_answer();
  out.set_exec_id(answer.exec_id);
  out.set_pid(answer.pid);
  out.set_name(NameText(answer.name));
  out.set_type(QueryTypeText(answer.type));
  out.set_server(AddressText(answer.server));
  for (const Address& address : answer.addresses) out.add_addresses(AddressText(address));
  out.set_address_count(answer.address_count);
  out.set_ttl_s(answer.ttl_s);
  out.set_rule_id(answer.rule_id);
  out.set_tcp(answer.tcp);
}

void Set(const Finding& finding, v1::Event& event) {
  v1::Finding& out = *event.mutable_finding();
  out.set_kind(Utf8(finding.kind));
  out.set_detail(Utf8(finding.detail));
  out.set_exec_id(finding.exec_id);
  out.set_pid(finding.pid);
  SetComm(finding.comm, out.mutable_comm());
}

void Set(const Gap& gap, v1::Event& event) {
  v1::Gap& out = *event.mutable_gap();
  out.set_reason(Utf8(gap.reason));
  out.set_from_ns(gap.from_ns);
  out.set_until_ns(gap.until_ns);
  for (const auto& [kind, count] : gap.lost) (*out.mutable_lost())[Utf8(kind)] = count;
}

void Set(const Heartbeat& heartbeat, v1::Event& event) {
  v1::Heartbeat& out = *event.mutable_heartbeat();
  out.set_sensor_version(Utf8(heartbeat.sensor_version));
  out.set_kernel(Utf8(heartbeat.kernel));
  out.set_host(Utf8(heartbeat.host));
  out.set_armed(heartbeat.armed);
  out.set_jobs(heartbeat.jobs);
}

void Set(const JobBegin& begin, v1::Event& event) {
  v1::JobBegin& out = *event.mutable_job_begin();
  out.set_name(Utf8(begin.name));
  out.set_mode(static_cast<v1::Mode>(begin.mode));
  out.set_policy_digest(Utf8(begin.policy_digest));
  out.set_policy_text(Utf8(begin.policy_text));
  for (const auto& [key, value] : begin.labels) (*out.mutable_labels())[Utf8(key)] = Utf8(value);
  for (const std::string& word : begin.command) out.add_command(Utf8(word));
  out.set_cgroup(Utf8(begin.cgroup));
  out.set_scope_id(begin.scope_id);
  out.set_host(Utf8(begin.host));
  out.set_kernel(Utf8(begin.kernel));
  out.set_sensor_version(Utf8(begin.sensor_version));
}

void Set(const JobEnd& end, v1::Event& event) {
  v1::JobEnd& out = *event.mutable_job_end();
  out.set_exit_status(end.exit_status);
  out.set_record_json(end.record_json);
  out.set_complete(end.complete);
}

}  // namespace

void ToProto(const Event& event, weir::v1::Event& out) {
  out.Clear();
  out.set_sequence(event.sequence);
  out.set_time_ns(event.time_ns);
  out.set_job_id(Utf8(event.job_id));
  out.set_step(event.step);
  std::visit([&](const auto& body) { Set(body, out); }, event.body);
}

void AppendSerialized(const weir::v1::Event& event, std::string& out) {
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  event.SerializeToCodedStream(&coded);
}

}  // namespace weir::events
