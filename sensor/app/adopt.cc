// SPDX-License-Identifier: Apache-2.0
// Going on where an earlier sensor was killed: its jobs are judged all the while; what is lost is told as a gap.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "sensor/app/host.h"
#include "sensor/app/parts.h"
#include "sensor/app/policy_setup.h"
#include "sensor/jobs/job_id.h"
#include "sensor/runner/worker.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kStaleDeadline{2000};

JobSpec SpecOf(const jobs::JobState& state) {
  JobSpec spec;
  spec.name = state.name;
  spec.policy_text = state.policy_text;
  spec.policy_path = state.policy_path;
  spec.policy_job = state.policy_job;
  spec.mode = state.mode == static_cast<int>(WEIR_MODE_BLOCK) ? policy::Mode::kBlock : policy::Mode::kAudit;
  spec.allow = state.allow;
  spec.resolvers = state.resolvers;
  spec.search = state.search;
  return spec;
}

/// The namespace in which the job began, by way of a process that is still in it.
Fd FindNetns(const LiveJob& job) {
  std::vector<std::string> candidates{"/proc/self/ns/net"};
  if (auto pids = job.cgroup->Processes())
    for (const pid_t pid : *pids) candidates.push_back("/proc/" + std::to_string(pid) + "/ns/net");
  for (const std::string& path : candidates) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat file {};
    if (fd && ::fstat(fd.get(), &file) == 0 && file.st_ino == job.state.netns_inode) return fd;
  }
  return Fd();
}

}  // namespace

/// Null: the kernel does not know it, or its policy cannot be read.
LiveJobPtr Sensor::Parts::Adopt(jobs::JobState& state) {
  auto scope = maps->ReadScope(state.scope_id);
  // The cgroup, too: a state file that names another job's scope must not end that one.
  if (!scope || !*scope || (*scope)->cgroup_id != state.cgroup_id) return nullptr;
  auto cgroup = jobs::JobCgroup::Open(state.cgroup_path, state.cgroup_id);
  const auto day = policy::ParseDate(state.compiled_on);
  state.mode = static_cast<int>((*scope)->mode);  // what is enforced, whatever the file says
  auto policy = CompileFor(SpecOf(state), day ? *day : policy::Today());
  if (!cgroup || !policy) return nullptr;
  auto job = std::make_shared<LiveJob>();
  job->policy = policy->compiled;
  job->policy_known = policy->compiled->digest == state.policy_digest;
  job->cgroup = std::move(*cgroup);
  job->scope = **scope;
  job->adopted = true;
  if ((job->scope.flags & WEIR_S_ENDED) != 0 && state.end_time_ns == 0) state.end_time_ns = state.checkpoint_time_ns;
  job->ended = state.end_time_ns != 0;
  job->events_read_before = state.events_read;
  job->state = std::move(state);
  if (!job->ended) job->state.gaps.push_back({"sensor-down", job->state.checkpoint_time_ns, jobs::UnixNow(), 0});
  job->netns = FindNetns(*job);
  if (job->state.worker_pid != 0) {
    job->worker = runner::OpenProcess(job->state.worker_pid, job->state.worker_start_ticks);
    if (job->worker) guard->Vouch(job->state.worker_pid);
  }
  return job;
}

Result<std::map<std::uint32_t, events::JobInfo>> Sensor::Parts::AdoptStates(std::vector<jobs::JobState> states,
                                                                            std::vector<jobs::JobState>& stale) {
  std::map<std::uint32_t, events::JobInfo> adopted;
  auto boot_id = jobs::BootId();
  WEIR_TRY(boot_id);
  for (jobs::JobState& state : states) {
    // The record is made before the state says so.
    if (state.end_time_ns == 0 && store->HasRecord(state.job_id)) state.end_time_ns = jobs::UnixNow();
    const LiveJobPtr job = state.boot_id == *boot_id && state.checkpoint_time_ns != 0 ? Adopt(state) : nullptr;
    if (!job) {
      stale.push_back(std::move(state));
      continue;
    }
    // An ended job's stream is closed: what is left of it is counted as unowned.
    if (!job->ended) adopted[job->state.scope_id] = {job->state.job_id, RuleTexts(*job->policy)};
    live.emplace(job->state.job_id, job);
  }
  return adopted;
}

void Sensor::Parts::ResumeAdopted() {
  for (const auto& [job_id, job] : live) {
    const std::lock_guard lock(job->mutex);
    job->scope.forwarder_port4 = 0;  // of a forwarder that is gone
    job->scope.forwarder_port6 = 0;
    job->scope.forwarder_ns = 0;
    if (job->ended) job->scope.flags |= WEIR_S_ENDED;
    // Where the sensor before this one was killed in the middle of it.
    if (job->state.host && job->ended) ReleaseHost(*job);
    if (job->state.host && !job->ended) static_cast<void>(ClaimHost(*job));
    static_cast<void>(maps->WriteScope(job->state.scope_id, job->scope));
    // A version without guard began it: no row would mean that everything is denied.
    if (auto row = guard->Read(job->state.scope_id); row && !*row)
      static_cast<void>(guard->Begin(job->state.scope_id, *job->policy, job->reach()));
    static_cast<void>(maps->ForgetForwarder(job->state.scope_id));
    if (job->ended) continue;
    const jobs::RecordedGap& gap = job->state.gaps.back();
    pipeline->Submit(job->state.scope_id, events::Gap{gap.reason, gap.from_ns, gap.until_ns, {}});
    ResumeDns(*job);
    static_cast<void>(store->Save(job->state, /*sync=*/false));
  }
}

/// Falls closed: without the forwarder DNS over TCP is denied in block mode.
void Sensor::Parts::ResumeDns(LiveJob& job) {
  std::string why;
  auto resolvers = ResolversFor(SpecOf(job.state), *job.policy, config.resolv_conf);
  if (!job.policy_known) {
    why = kPolicyUnknown;  // the kernel goes on with the policy that was begun; the forwarder would take this one
  } else if (!resolvers) {
    why = "the forwarder could not be resumed: " + resolvers.error().what;
  } else if (auto served = ServeDns(job, *resolvers); !served) {
    why = "the forwarder could not be resumed: " + served.error().what;
  }
  if (!why.empty()) pipeline->Submit(job.state.scope_id, events::Finding{"dns-tcp-off", why, 0, 0, {}});
}

/// Jobs of another boot, or whose cgroup is gone: their record says that nobody saw their end. Of one that never ran,
/// or has its record, only what is left behind goes.
void Sensor::Parts::CloseStale(const std::vector<jobs::JobState>& stale) {
  for (const jobs::JobState& state : stale) {
    if (state.checkpoint_time_ns != 0 && state.end_time_ns == 0) RecordStale(state);
    // The scope itself may belong to processes that still live, or (after a reboot) to another job: FindOrphans looks.
    if (auto scope = maps->ReadScope(state.scope_id); scope && *scope && (*scope)->cgroup_id == state.cgroup_id) {
      weir_scope ended = **scope;
      ended.flags |= WEIR_S_ENDED;
      ended.forwarder_ns = 0;
      static_cast<void>(maps->WriteScope(state.scope_id, ended));
    } else {
      // Nobody else knows of it. Made here of the id, because a damaged file may name any path; fails while it is used.
      static_cast<void>(::rmdir((config.jobs_root() / "weir" / state.job_id).c_str()));
    }
    static_cast<void>(store->Remove(state.job_id));
  }
}

void Sensor::Parts::RecordStale(const jobs::JobState& state) {
  jobs::RecordFacts facts;
  facts.job = state;
  facts.on_deny = "report";
  facts.end_time_ns = jobs::UnixNow();
  facts.sensor_name = config.sensor_name;
  facts.sensor_version = SensorVersion();
  facts.host = host;
  facts.kernel = kernel;
  const auto boot_id = jobs::BootId();
  facts.further_reasons.emplace_back(boot_id && *boot_id != state.boot_id
                                         ? "broken off: the host was started anew while the job ran"
                                         : "the sensor was away when the job ended: its cgroup was removed meanwhile");
  const jobs::Record record = jobs::BuildRecord(facts);
  // Scopes count anew after a reboot: its number may be a live job's by now, whose events must stay its own.
  std::uint32_t scope_id = state.scope_id;
  while (std::any_of(live.begin(), live.end(),
                     [&](const auto& entry) { return entry.second->state.scope_id == scope_id; }))
    --scope_id;
  pipeline->AddJob(scope_id, {state.job_id, {}});
  events::JobEnd body;
  body.exit_status = -1;
  body.record_json = record.json;
  static_cast<void>(pipeline->SubmitAndWait(scope_id, std::move(body), kStaleDeadline));
  pipeline->RemoveJob(scope_id);
  if (auto kept = store->SaveRecord(state.job_id, record.json, kRecordsKept); !kept)
    pipeline->Submit(0, events::Finding{"record-not-kept", kept.error().what, 0, 0, {}});
}

}  // namespace weir
