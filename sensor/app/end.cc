// SPDX-License-Identifier: Apache-2.0
// A job's end: last proof, everything drained, the record; then nothing of it stays, unless processes do.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <thread>

#include "policy/compile.h"
#include "sensor/app/host.h"
#include "sensor/app/parts.h"
#include "sensor/app/policy_setup.h"
#include "sensor/jobs/canary.h"
#include "sensor/jobs/container.h"
#include "sensor/jobs/job_id.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kDrain{5000};
constexpr std::chrono::milliseconds kKillLeftovers{5000};
constexpr std::chrono::milliseconds kKillPause{20};

std::map<std::string, std::uint64_t> ByName(const dns_forward::Counters& c) {
  return {{"connections", c.connections},
          {"connections_refused", c.connections_refused},
          {"queries_allowed", c.queries_allowed},
          {"queries_denied", c.queries_denied},
          {"queries_would_deny", c.queries_would_deny},
          {"queries_failed", c.queries_failed},
          {"answers_learned", c.answers_learned},
          {"answers_refused", c.answers_refused},
          {"answers_stray", c.answers_stray},
          {"learn_failed", c.learn_failed}};
}

std::string CommOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string comm;
  std::getline(file, comm);
  return comm;
}

/// "4711 sleep", "4711 sleep in container 0123456789ab"
std::string NameOf(pid_t pid) {
  std::string name = std::to_string(pid) + " " + CommOf(pid);
  const auto cgroup = jobs::CgroupOfProcess(pid);
  const std::string container = cgroup ? jobs::ContainerOf(*cgroup) : std::string();
  return container.empty() ? name : name + " in container " + container;
}

}  // namespace

std::map<std::string, std::uint64_t> Sensor::Parts::ForwarderCounts(std::uint32_t scope_id) const {
  if (!forwarder) return {};  // the start failed before there was one
  return ByName(forwarder->CountersOf(scope_id));
}

void Sensor::Parts::SettleLeftovers(LiveJob& job, jobs::RecordFacts& facts) {
  const std::uint32_t scope_id = job.state.scope_id;
  auto left = Survivors(scope_id, &*job.cgroup);
  struct Process {
    std::string name;
    std::uint32_t step;
  };
  std::map<pid_t, Process> seen;
  const auto name = [&](const std::vector<pid_t>& pids) {
    for (const pid_t pid : pids) seen.try_emplace(pid, Process{NameOf(pid), StepOf(pid)});
  };
  if (left) name(*left);
  if (left && !left->empty() && job.policy->leftovers == policy::Leftovers::kKill) {
    const auto deadline = std::chrono::steady_clock::now() + kKillLeftovers;
    while (left && !left->empty() && std::chrono::steady_clock::now() < deadline) {
      static_cast<void>(job.cgroup->Kill());
      for (const pid_t pid : *left) KillMember(pid, scope_id, *job.cgroup);
      std::this_thread::sleep_for(kKillPause);
      left = Survivors(scope_id, &*job.cgroup);
      if (left) name(*left);
    }
  }
  if (!left) {
    facts.further_reasons.push_back("leftovers: " + left.error().what);
    return;
  }
  for (const auto& [pid, process] : seen) {
    const bool alive = std::find(left->begin(), left->end(), pid) != left->end();
    (alive ? facts.leftovers : facts.killed).push_back(process.name);
    pipeline->Submit(scope_id, events::Finding{alive ? "leftover" : "leftover-killed", process.name, 0, 0, {}},
                     process.step);
  }
}

/// Where the cgroup cannot be killed as a whole, and for who has left it. The descriptor holds the process, so that
/// nobody else who gets its number is meant: membership is asked after it was opened.
void Sensor::Parts::KillMember(pid_t pid, std::uint32_t scope_id, const jobs::JobCgroup& cgroup) const {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return;
  const auto members = Survivors(scope_id, &cgroup);
  if (!members || std::find(members->begin(), members->end(), pid) == members->end()) return;
  static_cast<void>(::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0));
}

std::vector<jobs::GuardFact> Sensor::Parts::GuardFacts(const LiveJob& job) const {
  std::vector<jobs::GuardFact> facts;
  const policy::GuardMasks masks = policy::GuardMasksOf(*job.policy);
  const auto row = guard->Read(job.state.scope_id);
  for (const guard::ClassState& state : guard->states()) {
    jobs::GuardFact fact;
    fact.name = std::string(policy::GuardClassOf(state.number)->name);
    fact.state = std::string(guard::StateName(state.state));
    fact.why = state.why;
    const std::uint32_t bit = 1u << state.number;
    const bool spared = state.kills && (masks.kill & bit) == 0;
    fact.action = (masks.deny & bit) != 0 && !spared         ? "deny"
                  : ((masks.report | masks.deny) & bit) != 0 ? "report"
                                                             : "allow";
    if (row && *row) {
      fact.denied = (*row)->denied[state.number];
      fact.reported = (*row)->reported[state.number];
    }
    facts.push_back(std::move(fact));
  }
  return facts;
}

jobs::RecordFacts Sensor::Parts::Facts(LiveJob& job, int exit_status) {
  jobs::RecordFacts facts;
  const std::uint32_t scope_id = job.state.scope_id;
  facts.on_deny = std::string(policy::OnDenyName(job.policy->on_deny));
  facts.exit_status = exit_status;
  facts.sensor_name = config.sensor_name;
  facts.sensor_version = SensorVersion();
  facts.host = host;
  facts.kernel = kernel;
  facts.programs = programs->Describe();
  facts.guard = GuardFacts(job);
  if (!job.policy_known) facts.further_reasons.emplace_back(kPolicyUnknown);
  if (job.state.host) ReleaseHost(job);
  if (job.cgroup) {
    static_cast<void>(job.cgroup->WaitEmpty(config.leftovers_wait));
    SettleLeftovers(job, facts);
    auto canary = Probe(job);
    if (canary) {
      job.state.canaries.push_back(*canary);
    } else {
      facts.further_reasons.push_back("canary at the end: " + canary.error().what);
    }
  }
  if (auto streams = jobs::AbortStuckStreams(*maps, scope_id)) {
    facts.streams = *std::move(streams);
  } else {
    facts.further_reasons.push_back("streams with refused bytes: " + streams.error().what);
  }
  if (auto sent = pipeline->SubmitFlowTotals(scope_id); !sent)
    facts.further_reasons.push_back("sums of flows: " + sent.error().what);
  if (auto flushed = pipeline->Flush(scope_id, kDrain); !flushed)
    facts.further_reasons.push_back("drain: " + flushed.error().what);
  if (auto counts = maps->ReadCounts(scope_id)) {
    facts.has_counts = true;
    facts.counts = *counts;
  }
  facts.forwarder = ForwarderCounts(scope_id);
  for (const auto& [name, count] : job.state.forwarder_counts) facts.forwarder[name] += count;
  const events::ScopeTally tally = pipeline->Tally(scope_id);
  facts.dropped = tally.dropped;
  facts.undelivered = tally.undelivered;
  facts.refused = tally.refused;
  facts.events_read = tally.events_read;
  if (job.adopted && facts.has_counts) {
    // What this sensor did not read, the earlier one did, or nobody.
    const std::uint64_t all = facts.counts[WEIR_C_EVENTS];
    facts.events_read_before = all > tally.events_read ? all - tally.events_read : 0;
    if (!job.state.gaps.empty() && facts.events_read_before > job.events_read_before)
      job.state.gaps.back().lost_at_most = facts.events_read_before - job.events_read_before;
  }
  const events::StreamDigest digest = pipeline->Digest(scope_id);
  job.state.segments.push_back({epoch, digest.events, digest.first_sequence, digest.last_sequence, digest.sha256_hex});
  facts.job = job.state;
  facts.end_time_ns = jobs::UnixNow();
  return facts;
}

JobEnded Sensor::Parts::Close(LiveJob& job, const jobs::RecordFacts& facts) {
  const std::uint32_t scope_id = job.state.scope_id;
  const jobs::Record record = jobs::BuildRecord(facts);
  const jobs::VerdictSums sums = jobs::SumVerdicts(facts.counts, facts.forwarder);
  JobEnded ended;
  ended.record_json = record.json;
  ended.complete = record.complete;
  ended.allowed = sums.allowed;
  ended.denied = sums.denied;
  ended.would_deny = sums.would_deny;
  ended.leftovers = facts.leftovers;
  events::JobEnd body;
  body.exit_status = facts.exit_status;
  body.record_json = record.json;
  body.complete = record.complete;
  if (auto sequence = pipeline->SubmitAndWait(scope_id, std::move(body), kDrain)) {
    ended.last_sequence = *sequence;
    ended.durable = uplink && uplink->WaitDurable(*sequence, config.durable_wait).has_value();
    ended.not_stored = uplink && !ended.durable;
  }
  // A copy for who has no collector; the record has left already, so a full disk costs only this copy.
  if (auto kept = store->SaveRecord(job.state.job_id, record.json, kRecordsKept); !kept)
    pipeline->Submit(0, events::Finding{"record-not-kept", kept.error().what, 0, 0, {}});
  return ended;
}

void Sensor::Parts::MarkEnded(LiveJob& job, const jobs::RecordFacts& facts) {
  job.state.end_time_ns = facts.end_time_ns;
  job.state.exit_status = facts.exit_status;
  // Without it (disk full) a later sensor finds the record, or the scope's flag.
  static_cast<void>(store->Save(job.state, /*sync=*/false));
  job.ended = true;
}

bool Sensor::Parts::CloseScope(std::uint32_t scope_id) {
  static_cast<void>(jobs::AbortStuckStreams(*maps, scope_id));
  return maps->CloseScope(scope_id).has_value();
}

bool Sensor::Parts::Dismantle(LiveJob& job) {
  const std::uint32_t scope_id = job.state.scope_id;
  // To sweep the scope of a live process would set it free.
  const auto left = Survivors(scope_id, job.cgroup ? &*job.cgroup : nullptr);
  if (!left || !left->empty()) return false;
  static_cast<void>(maps->RemoveCgroup(job.state.cgroup_id));
  CloseScope(scope_id);
  {
    const std::lock_guard lock(mutex);
    closed.push_back(scope_id);
  }
  if (job.cgroup) static_cast<void>(job.cgroup->Remove());
  static_cast<void>(store->Remove(job.state.job_id));
  return true;
}

Result<JobEnded> Sensor::EndJob(const std::string& job_id, int exit_status) { return parts_->End(job_id, exit_status); }

Result<JobEnded> Sensor::Parts::End(const std::string& job_id, int exit_status) {
  auto found = Find(job_id);
  WEIR_TRY(found);
  if (exit_status < -1 || exit_status > 255)
    return Fail(Code::kInvalid, "exit status: 0 to 255 as a shell has it, or -1 when it is not known");
  LiveJob& job = **found;
  std::unique_lock lock(job.mutex);
  if (job.ended) return Fail(Code::kNotFound, "job " + job_id + " has ended");
  const jobs::RecordFacts facts = Facts(job, exit_status);
  JobEnded ended = Close(job, facts);
  forwarder->RemoveJob(job.state.scope_id);
  static_cast<void>(maps->ForgetForwarder(job.state.scope_id));
  pipeline->RemoveJob(job.state.scope_id);
  MarkEnded(job, facts);
  if (Dismantle(job)) {
    lock.unlock();
    const std::lock_guard all(mutex);
    live.erase(job_id);
    return ended;
  }
  // What outlived its job stays judged, and in block mode is denied everything; the timer takes the scope away later.
  job.scope.flags |= WEIR_S_ENDED;
  job.scope.forwarder_ns = 0;
  static_cast<void>(maps->WriteScope(job.state.scope_id, job.scope));
  return ended;
}

}  // namespace weir
