// SPDX-License-Identifier: Apache-2.0
// What a Sensor is made of. Private to sensor/app.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "bpf/abi.h"
#include "policy/compiled.h"
#include "sensor/app/sensor.h"
#include "sensor/base/fd.h"
#include "sensor/bpf/policy_maps.h"
#include "sensor/bpf/programs.h"
#include "sensor/dnsforward/forwarder.h"
#include "sensor/events/pipeline.h"
#include "sensor/guard/guard.h"
#include "sensor/jobs/cgroup.h"
#include "sensor/jobs/host_cgroups.h"
#include "sensor/jobs/job_state.h"
#include "sensor/jobs/record.h"
#include "sensor/jobs/resolv_conf.h"
#include "sensor/uplink/uplink.h"

namespace weir {

/// A job that runs, or whose processes outlived it. Held in Parts::live, its `mutex` guards what its begin, its end and
/// the timer change: `scope`, the counts, and of `state` the canaries, segments and gaps. The rest of `state` stays as
/// it was begun, so that ListJobs need not wait for an end; its end_time_ns and exit_status are written before `ended`.
struct LiveJob {
  std::mutex mutex;
  jobs::JobState state;
  weir_scope scope{};  ///< as last written; the kernel's copy is written whole
  bool adopted = false;
  bool policy_known = true;              ///< adopted: the state file still has the policy that was begun
  std::atomic<bool> ended{false};        ///< EndJob ran; processes are left, and stay judged
  bool checkpoint_failed = false;        ///< the last one; told once
  std::uint64_t events_read_before = 0;  ///< carried on by earlier sensors, as of their last checkpoint
  std::uint64_t events_read_safe = 0;    ///< by this sensor: all of them are with the collector

  std::shared_ptr<const policy::CompiledPolicy> policy;
  std::optional<jobs::JobCgroup> cgroup;
  Fd netns;   ///< in which the job began; closed: not to be had any more
  Fd worker;  ///< Runner.Worker of a runner's job; closed beside a worker_pid: it has ended

  [[nodiscard]] guard::Reach reach() const { return state.host ? guard::Reach::kHost : guard::Reach::kJob; }
};
using LiveJobPtr = std::shared_ptr<LiveJob>;

inline constexpr std::size_t kRecordsKept = 1000;
inline constexpr const char* kPolicyUnknown = "the policy in the job's state file is not the one that it began with";

/// Destruction runs from the last member to the first: timer, forwarder, pipeline, uplink, programs.
struct Sensor::Parts {
  SensorConfig config;
  std::string host;
  std::string kernel;
  std::uint64_t epoch = 0;
  std::int64_t start_time_ns = 0;
  bool has_collector = false;

  std::filesystem::path came_from;  ///< cgroup of this sensor before it left the host to a job; empty: it is there

  std::vector<std::string> start_faults;  ///< what Create found and got over

  std::optional<jobs::StateStore> store;
  std::optional<sensor_bpf::Programs> programs;
  std::optional<sensor_bpf::PolicyMaps> maps;
  std::optional<guard::Guard> guard;
  std::unique_ptr<uplink::Uplink> uplink;
  std::unique_ptr<events::EventPipeline> pipeline;
  std::unique_ptr<dns_forward::Forwarder> forwarder;
  std::atomic<std::int64_t> forwarder_alive_ns{0};  ///< boot clock
  std::atomic<std::int64_t> timer_alive_ns{0};      ///< steady clock

  mutable std::mutex mutex;  ///< guards live to stopping; never held while a LiveJob's is waited for
  std::map<std::string, LiveJobPtr> live;
  std::size_t beginning = 0;           ///< calls of BeginJob under way: each may become a job
  std::vector<std::uint32_t> closed;   ///< scopes out of use, whose rows the timer sweeps
  std::vector<std::uint32_t> orphans;  ///< scopes of the kernel that no job is known for; judged until empty
  bool stopping = false;
  std::condition_variable stop;
  std::thread timer;
  std::thread guard_watch;
  std::thread worker_watch;
  std::mutex rest_mutex;  ///< the guard's busiest programs go or come; taken before `mutex`
  std::chrono::steady_clock::time_point last_needed = std::chrono::steady_clock::now();  ///< guarded by rest_mutex

  ~Parts();

  // sensor.cc
  [[nodiscard]] Result<> StartPipeline(std::shared_ptr<grpc::Channel> collector,
                                       std::map<std::uint32_t, events::JobInfo> adopted);
  void RunTimer();
  void WatchGuard();
  /// The guard's programs in busy places are attached only while somebody may need them.
  void RousePrograms();
  void RestPrograms();
  [[nodiscard]] bool AnyScope() const;
  void Beat();
  void Checkpoint();
  [[nodiscard]] Result<LiveJobPtr> Find(const std::string& job_id) const;
  [[nodiscard]] std::vector<LiveJobPtr> Jobs() const;
  [[nodiscard]] std::size_t RunningJobs() const;
  /// Why a job begun now could not be called armed; empty: every program is attached.
  [[nodiscard]] std::vector<std::string> NotAttached() const;

  // scopes.cc
  /// Live processes of a scope: by identity, wherever they are, and in the cgroup (if there is one).
  [[nodiscard]] Result<std::vector<pid_t>> Survivors(std::uint32_t scope_id, const jobs::JobCgroup* cgroup) const;
  /// Of a workflow, the one that this process is of; 0: none, or not known.
  [[nodiscard]] std::uint32_t StepOf(pid_t pid) const;
  void TidyScopes();
  void FindOrphans();

  // begin.cc
  /// A new job's id, scope and cgroup. The state file is there before the cgroup, so that a kill leaves neither for
  /// good.
  [[nodiscard]] Result<> TakePlace(LiveJob& job);
  [[nodiscard]] Result<> FillTables(LiveJob& job, const jobs::Resolvers& resolvers, std::vector<std::string>& warnings);
  [[nodiscard]] Result<> ServeDns(LiveJob& job, const jobs::Resolvers& resolvers);
  [[nodiscard]] Result<jobs::Canary> Probe(LiveJob& job);
  void Undo(LiveJob& job);

  // runner_job.cc
  void WatchWorkers();

  // host_scope.cc
  [[nodiscard]] Result<std::vector<jobs::FoundCgroup>> ExemptCgroups();
  /// A job that has the whole host is the only one. `others_beginning`: calls under way before this one.
  [[nodiscard]] Result<> CheckAlone(bool whole_host, std::size_t others_beginning) const;
  /// May this process go on with these jobs? Not from inside of one that has the whole host.
  [[nodiscard]] Result<> CheckPlace(const std::vector<jobs::JobState>& states) const;
  /// Takes the whole host into the job's scope, and says what stays outside. After an error: ReleaseHost.
  [[nodiscard]] Result<std::string> ClaimHost(LiveJob& job);
  /// Lets go of all but the job's own processes.
  void ReleaseHost(const LiveJob& job);
  /// Puts these processes and their descendants into the job's own cgroup.
  [[nodiscard]] static Result<> MoveIn(LiveJob& job, const std::vector<pid_t>& pids);

  // end.cc
  [[nodiscard]] Result<JobEnded> End(const std::string& job_id, int exit_status);
  /// Of this sensor's forwarder, by name.
  [[nodiscard]] std::map<std::string, std::uint64_t> ForwarderCounts(std::uint32_t scope_id) const;
  /// Names who outlived the job; ends them when the policy says so.
  void SettleLeftovers(LiveJob& job, jobs::RecordFacts& facts);
  void KillMember(pid_t pid, std::uint32_t scope_id, const jobs::JobCgroup& cgroup) const;
  [[nodiscard]] std::vector<jobs::GuardFact> GuardFacts(const LiveJob& job) const;
  [[nodiscard]] jobs::RecordFacts Facts(LiveJob& job, int exit_status);
  [[nodiscard]] JobEnded Close(LiveJob& job, const jobs::RecordFacts& facts);
  /// Tells a later sensor, and who lists jobs.
  void MarkEnded(LiveJob& job, const jobs::RecordFacts& facts);
  /// Aborts what must not outlive the scope, and takes it out of the kernel. False: it is still there.
  bool CloseScope(std::uint32_t scope_id);
  /// Takes the scope out of the kernel and removes the cgroup. False: processes are still in it.
  bool Dismantle(LiveJob& job);

  // adopt.cc
  [[nodiscard]] Result<std::map<std::uint32_t, events::JobInfo>> AdoptStates(std::vector<jobs::JobState> states,
                                                                             std::vector<jobs::JobState>& stale);
  [[nodiscard]] LiveJobPtr Adopt(jobs::JobState& state);
  void ResumeAdopted();
  void ResumeDns(LiveJob& job);
  void CloseStale(const std::vector<jobs::JobState>& stale);
  void RecordStale(const jobs::JobState& state);
};

}  // namespace weir
