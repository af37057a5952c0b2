// SPDX-License-Identifier: Apache-2.0
#include "sensor/control/handlers.h"

#include <algorithm>

namespace weir::control {
namespace {

v1::Mode ToProto(policy::Mode mode) { return mode == policy::Mode::kBlock ? v1::MODE_BLOCK : v1::MODE_AUDIT; }

JobSpec ToSpec(const v1::BeginJobRequest& request) {
  JobSpec spec;
  spec.name = request.name();
  spec.policy_text = request.policy_text();
  spec.policy_path = request.policy_path();
  if (request.mode() == v1::MODE_AUDIT) spec.mode = policy::Mode::kAudit;
  if (request.mode() == v1::MODE_BLOCK) spec.mode = policy::Mode::kBlock;
  spec.allow.assign(request.allow().begin(), request.allow().end());
  spec.policy_job = request.policy_job();
  spec.labels.insert(request.labels().begin(), request.labels().end());
  spec.command.assign(request.command().begin(), request.command().end());
  spec.network_namespace_pid = request.network_namespace_pid();
  spec.resolvers.assign(request.resolvers().begin(), request.resolvers().end());
  spec.search.assign(request.search().begin(), request.search().end());
  spec.host = request.scope() == v1::JOB_SCOPE_HOST;
  spec.pids.assign(request.pids().begin(), request.pids().end());
  return spec;
}

void Render(const JobView& view, v1::JobState* out) {
  out->set_job_id(view.job_id);
  out->set_name(view.name);
  out->set_mode(ToProto(view.mode));
  out->set_begin_time_ns(view.begin_time_ns);
  out->set_scope_id(view.scope_id);
  out->set_cgroup_path(view.cgroup_path);
  out->set_armed(view.armed);
  out->set_adopted(view.adopted);
  out->set_allowed(view.allowed);
  out->set_denied(view.denied);
  out->set_would_deny(view.would_deny);
  out->set_lost(view.lost);
  out->set_tasks(view.tasks);
  out->set_ended(view.ended);
  out->set_end_time_ns(view.end_time_ns);
  if (view.ended) out->set_exit_status(view.exit_status);
  out->set_leftovers(view.leftovers);
  for (const auto& [key, value] : view.labels) (*out->mutable_labels())[key] = value;
}

}  // namespace

grpc::Status ToStatus(const Error& error) {
  switch (error.code) {
    case Code::kInvalid: return {grpc::StatusCode::INVALID_ARGUMENT, error.what};
    case Code::kNotFound: return {grpc::StatusCode::NOT_FOUND, error.what};
    case Code::kExists: return {grpc::StatusCode::ALREADY_EXISTS, error.what};
    case Code::kPrivilege: return {grpc::StatusCode::PERMISSION_DENIED, error.what};
    case Code::kUnsupported: return {grpc::StatusCode::UNIMPLEMENTED, error.what};
    case Code::kNotArmed: return {grpc::StatusCode::FAILED_PRECONDITION, error.what};
    case Code::kUnavailable: return {grpc::StatusCode::UNAVAILABLE, error.what};
    case Code::kExhausted: return {grpc::StatusCode::RESOURCE_EXHAUSTED, error.what};
    case Code::kInternal: break;
  }
  return {grpc::StatusCode::INTERNAL, error.what};
}

std::uint64_t RefusalCount::Next(const std::string& job_id) {
  constexpr std::size_t kJobs = 1024;  // jobs of long ago; to begin anew tells a little more than it must
  const std::lock_guard lock(mutex_);
  if (refused_.size() >= kJobs && !refused_.contains(job_id)) refused_.clear();
  const std::uint64_t count = ++refused_[job_id];
  return (count & (count - 1)) == 0 ? count : 0;
}

void Handlers::Tell(const Peer& peer, const std::string& call) {
  if (!peer.job_id) return;
  const std::uint64_t count = refusals_.Next(*peer.job_id);
  if (count == 0) return;
  std::string detail = call + " was asked for from inside the job";
  if (count > 1) detail += "; " + std::to_string(count) + " refusals by now";
  sensor_.ReportFinding(*peer.job_id, "control-refused", detail, peer.pid);
  if (observer_.refused) observer_.refused(*peer.job_id, call, peer.pid);
}

grpc::Status Handlers::MayChange(const grpc::ServerContext& context, const std::string& call) {
  const Peer peer = find_peer_(context.peer());
  if (peer.full_control) return grpc::Status::OK;
  if (!peer.job_id) return {grpc::StatusCode::PERMISSION_DENIED, call + " needs root: run it with sudo"};
  Tell(peer, call);
  return {grpc::StatusCode::PERMISSION_DENIED, call + " was refused: the caller is inside job " + *peer.job_id +
                                                   "; a job may only read its own state. Call from outside the job"};
}

grpc::Status Handlers::BeginJob(grpc::ServerContext* context, const v1::BeginJobRequest* request,
                                v1::BeginJobResponse* response) {
  const Peer peer = find_peer_(context->peer());
  // Neither root nor inside: whether it is a runner's hook, and what it may ask for, is for the host's files to say.
  const bool as_runner = !peer.full_control && !peer.job_id;
  if (!as_runner)
    if (auto allowed = MayChange(*context, "BeginJob"); !allowed.ok()) return allowed;
  auto begun =
      as_runner ? sensor_.BeginRunnerJob({peer.pid, peer.uid}, ToSpec(*request)) : sensor_.BeginJob(ToSpec(*request));
  if (!begun) return ToStatus(begun.error());
  if (context->IsCancelled() && !as_runner) {  // a runner's job ends with its Runner.Worker
    // Who asked is gone, and nobody else knows its id: it would stay for ever.
    static_cast<void>(sensor_.EndJob(begun->job_id, -1));
    return {grpc::StatusCode::CANCELLED, "the caller did not wait for the job, which was ended"};
  }
  response->set_job_id(begun->job_id);
  response->set_cgroup_path(begun->cgroup_path);
  response->set_scope_id(begun->scope_id);
  response->set_armed(begun->armed);
  for (const std::string& reason : begun->not_armed_reasons) response->add_not_armed_reasons(reason);
  for (const std::string& warning : begun->warnings) response->add_warnings(warning);
  return grpc::Status::OK;
}

grpc::Status Handlers::JoinJob(grpc::ServerContext* context, const v1::JoinJobRequest* request,
                               v1::JoinJobResponse* response) {
  if (auto allowed = MayChange(*context, "JoinJob"); !allowed.ok()) return allowed;
  auto adopted = sensor_.JoinJob(request->job_id(), request->pid());
  if (!adopted) return ToStatus(adopted.error());
  response->set_adopted_sockets(*adopted);
  return grpc::Status::OK;
}

grpc::Status Handlers::EndJob(grpc::ServerContext* context, const v1::EndJobRequest* request,
                              v1::EndJobResponse* response) {
  if (auto allowed = MayChange(*context, "EndJob"); !allowed.ok()) return allowed;
  auto ended = sensor_.EndJob(request->job_id(), request->exit_status());
  if (!ended) return ToStatus(ended.error());
  response->set_record_json(ended->record_json);
  response->set_complete(ended->complete);
  response->set_denied(ended->denied);
  response->set_would_deny(ended->would_deny);
  for (const std::string& process : ended->leftovers) response->add_leftovers(process);
  response->set_not_stored(ended->not_stored);
  return grpc::Status::OK;
}

grpc::Status Handlers::ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest*,
                                v1::ListJobsResponse* response) {
  const Peer peer = find_peer_(context->peer());
  for (const JobView& view : sensor_.ListJobs())
    if (!peer.job_id || *peer.job_id == view.job_id) Render(view, response->add_jobs());
  return grpc::Status::OK;
}

grpc::Status Handlers::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                                 v1::GetStatusResponse* response) {
  const Peer peer = find_peer_(context->peer());
  const SensorStatus status = sensor_.Status();
  response->set_version(status.version);
  response->set_armed(status.armed);
  response->set_kernel(status.kernel);
  if (peer.job_id) return grpc::Status::OK;  // what runs on the host is not for a job to know
  response->set_host(status.host);
  for (const std::string& reason : status.not_armed_reasons) response->add_not_armed_reasons(reason);
  response->set_start_time_ns(status.start_time_ns);
  for (const GuardView& known : status.guard) {
    v1::GuardClass* out = response->add_guard();
    out->set_name(known.name);
    out->set_state(known.state);
    out->set_why(known.why);
    out->set_what(known.what);
  }
  for (const ProgramView& program : status.programs) {
    v1::Program* out = response->add_programs();
    out->set_name(program.name);
    out->set_tag(program.tag);
    out->set_attach(program.attach);
    out->set_attached(program.attached);
    out->set_resting(program.resting);
  }
  response->set_cgroup_root(status.cgroup_root);
  response->set_pin_directory(status.pin_directory);
  response->set_events_queued(status.events_queued);
  response->set_events_dropped(status.events_dropped);
  response->set_collector(status.has_collector ? "configured" : "");
  response->set_collector_connected(status.collector_connected);
  return grpc::Status::OK;
}

}  // namespace weir::control
