// SPDX-License-Identifier: Apache-2.0
#include "collector/query/render.h"

#include "collector/report/build.h"
#include "collector/report/escape.h"
#include "collector/report/record.h"

namespace weir::query {

void Render(const store::JobSummary& summary, v1::JobRow& row) {
  const store::StoredJob& job = summary.job;
  row.set_job_id(job.job_id);
  row.set_name(job.begin.name);
  row.set_host(job.begin.host);
  row.set_mode(static_cast<v1::Mode>(job.begin.mode));
  // A job whose beginning was lost still has a place in time.
  row.set_begin_time_ns(job.begin_ns != 0 ? job.begin_ns : job.first_event_ns);
  row.set_end_time_ns(job.end_ns);
  row.set_exit_status(job.end.exit_status);
  row.set_ended(job.end_ns != 0);
  row.set_allowed(summary.counts.allowed);
  row.set_denied(summary.counts.denied);
  row.set_would_deny(summary.counts.would_deny);
  if (const auto record = report::ParseRecord(job.end.record)) {
    row.set_complete(record->ArmedToTheEnd() && record->complete && job.end.complete);
    row.set_allowed(record->counts.allowed);
    row.set_denied(record->counts.denied);
    row.set_would_deny(record->counts.would_deny);
  }
  row.set_processes(summary.counts.processes);
  row.set_destinations(summary.counts.destinations);
  for (const auto& [name, value] : job.begin.labels) (*row.mutable_labels())[name] = value;
}

void Render(const store::StoredFlow& stored, const store::Images& images, v1::FlowRow& row) {
  const store::Flow& flow = stored.flow;
  row.set_job_id(stored.job_id);
  v1::FlowId& id = *row.mutable_id();
  id.set_exec_id(flow.key.exec_id);
  id.set_address(flow.key.address);
  id.set_port(flow.key.port);
  id.set_protocol(flow.key.protocol);
  id.set_verdict(static_cast<v1::Verdict>(flow.key.verdict));
  id.set_hook(static_cast<v1::Hook>(flow.key.hook));
  id.set_why(flow.key.why);
  row.set_name(flow.name);
  row.set_rule(flow.rule);
  row.set_pid(flow.pid);
  row.set_comm(flow.comm);
  const store::ImageKey key{stored.job_ref, flow.key.exec_id};
  if (const auto image = images.find(key); image != images.end()) {
    row.set_executable(image->second.executable);
    for (const std::string& argument : image->second.arguments) row.add_arguments(argument);
  }
  for (const std::string& ancestor : report::Ancestry(images, key)) row.add_ancestry(report::ForTerminal(ancestor));
  row.set_first_time_ns(stored.totals.first_ns);
  row.set_last_time_ns(stored.totals.last_ns);
  row.set_count(stored.totals.count);
  row.set_bytes_out(stored.totals.bytes_out);
  row.set_bytes_in(stored.totals.bytes_in);
  row.set_packets_out(stored.totals.packets_out);
  row.set_packets_in(stored.totals.packets_in);
  row.set_query_type(stored.query_type);
  row.set_socket_kind(flow.socket_kind);
  row.set_step(stored.step.number);
  row.set_step_name(stored.step.name);
}

void Render(const store::StoredExec& stored, v1::ProcessRow& row) {
  const store::Exec& exec = stored.exec;
  v1::ProcessExec& out = *row.mutable_exec();
  out.set_exec_id(exec.exec_id);
  out.set_parent_exec_id(exec.parent_exec_id);
  out.set_pid(exec.pid);
  out.set_parent_pid(exec.parent_pid);
  out.set_start_time_ns(exec.start_ns);
  out.set_uid(exec.uid);
  out.set_gid(exec.gid);
  out.set_executable(exec.executable);
  for (const std::string& argument : exec.arguments) out.add_arguments(argument);
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
  out.set_comm(exec.comm);
  row.set_time_ns(stored.time_ns);
  row.set_exit_time_ns(stored.exit_ns);
  row.set_wait_status(stored.wait_status);
  row.set_forks(stored.forks);
  row.set_flows_allowed(stored.flows_allowed);
  row.set_flows_denied(stored.flows_denied);
  row.set_step(stored.step.number);
  row.set_step_name(stored.step.name);
}

}  // namespace weir::query
