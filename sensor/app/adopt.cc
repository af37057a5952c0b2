// SPDX-License-Identifier: Apache-2.0
// Going on where an earlier sensor was killed: its jobs are judged all the while; what is lost is told as a gap.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "sensor/app/host.h"
#include "sensor/app/parts.h"
#include "sensor/app/policy_setup.h"
#include "sensor/jobs/job_id.h"

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

Result<std::map<std::uint32_t, events::JobInfo>> Sensor::Parts::AdoptStates(std::vector<jobs::JobState>& stale) {
  std::map<std::uint32_t, events::JobInfo> adopted;
  auto loaded = store->LoadAll();
  WEIR_TRY(loaded);
  auto boot_id = jobs::BootId();
  WEIR_TRY(boot_id);
  auto scopes = maps->Scopes();
  WEIR_TRY(scopes);
  for (jobs::JobState& state : loaded->jobs) {
    auto job = std::make_shared<LiveJob>();
    const bool known =
        state.boot_id == *boot_id && std::find(scopes->begin(), scopes->end(), state.scope_id) != scopes->end();
    auto cgroup = jobs::JobCgroup::Open(state.cgroup_path, state.cgroup_id);
    const auto day = policy::ParseDate(state.compiled_on);
    auto policy = CompileFor(SpecOf(state), day ? *day : policy::Today());
    auto scope = maps->ReadScope(state.scope_id);
    if (!known || !cgroup || !policy || !scope || !*scope) {
      stale.push_back(std::move(state));
      continue;
    }
    job->policy = policy->compiled;
    job->cgroup = std::move(*cgroup);
    job->scope = **scope;
    job->adopted = true;
    job->ended = (job->scope.flags & WEIR_S_ENDED) != 0;
    job->events_read_before = state.events_read;
    jobs::RecordedGap gap;
    gap.reason = "sensor-down";
    gap.from_ns = state.checkpoint_time_ns;
    gap.until_ns = jobs::UnixNow();
    job->state = std::move(state);
    job->state.gaps.push_back(gap);
    job->netns = FindNetns(*job);
    adopted[job->state.scope_id] = {job->state.job_id, RuleTexts(*job->policy)};
    live.emplace(job->state.job_id, std::move(job));
  }
  return adopted;
}

void Sensor::Parts::ResumeAdopted() {
  for (const auto& [job_id, job] : live) {
    const std::lock_guard lock(job->mutex);
    if (job->ended) continue;
    job->scope.forwarder_port4 = 0;  // of a forwarder that is gone
    job->scope.forwarder_port6 = 0;
    job->scope.forwarder_ns = 0;
    const jobs::RecordedGap& gap = job->state.gaps.back();
    pipeline->Submit(job->state.scope_id, events::Gap{gap.reason, gap.from_ns, gap.until_ns, {}});
    auto resolvers = ResolversFor(SpecOf(job->state), *job->policy, config.resolv_conf);
    // Falls closed: without the forwarder DNS over TCP is denied in block mode.
    if (!resolvers || !ServeDns(*job, *resolvers))
      pipeline->Submit(job->state.scope_id,
                       events::Finding{"dns-tcp-off", "the forwarder could not be resumed", 0, 0, {}});
    static_cast<void>(store->Save(job->state, /*sync=*/false));
  }
}

/// Jobs of another boot, or whose cgroup is gone: their record says that nobody saw their end.
void Sensor::Parts::CloseStale(const std::vector<jobs::JobState>& stale) {
  for (const jobs::JobState& state : stale) {
    jobs::RecordFacts facts;
    facts.job = state;
    facts.on_deny = "report";
    facts.end_time_ns = jobs::UnixNow();
    facts.sensor_name = config.sensor_name;
    facts.sensor_version = SensorVersion();
    facts.host = host;
    facts.kernel = kernel;
    facts.further_reasons.push_back(
        "the sensor was gone when the job ended: after a reboot, or because its cgroup was "
        "removed from outside");
    const jobs::Record record = jobs::BuildRecord(facts);
    pipeline->AddJob(state.scope_id, {state.job_id, {}});
    events::JobEnd body;
    body.exit_status = -1;
    body.record_json = record.json;
    static_cast<void>(pipeline->SubmitAndWait(state.scope_id, std::move(body), kStaleDeadline));
    pipeline->RemoveJob(state.scope_id);
    // The scope itself may belong to processes that still live, or (after a reboot) to another job: FindOrphans looks.
    if (auto scope = maps->ReadScope(state.scope_id); scope && *scope && (*scope)->cgroup_id == state.cgroup_id) {
      weir_scope ended = **scope;
      ended.flags |= WEIR_S_ENDED;
      ended.forwarder_ns = 0;
      static_cast<void>(maps->WriteScope(state.scope_id, ended));
    }
    static_cast<void>(store->SaveRecord(state.job_id, record.json, 1000));
    static_cast<void>(store->Remove(state.job_id));
  }
}

}  // namespace weir
