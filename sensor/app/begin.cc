// SPDX-License-Identifier: Apache-2.0
// A job's beginning: tables filled, scope known, canary judged; then armed. A failure before that leaves nothing
// behind.
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "policy/compile.h"
#include "sensor/app/host.h"
#include "sensor/app/parts.h"
#include "sensor/app/policy_setup.h"
#include "sensor/jobs/canary.h"
#include "sensor/jobs/job_id.h"
#include "sensor/jobs/sockets.h"

namespace weir {
namespace {

constexpr std::uint32_t kFirstGeneration = 1;  // 0 means "no verdict kept" (bpf/abi.h)
constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxLabelKeyBytes = 128;
constexpr std::size_t kMaxLabelBytes = 1024;
// A job's begin and end must fit into one batch to the collector (4 MiB, ingest.proto) whatever the caller sends.
constexpr std::size_t kMaxCommandBytes = 64u << 10;
constexpr std::size_t kMaxEventPolicyBytes = 1u << 20;

Result<> CheckSpec(const JobSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kMaxNameBytes)
    return Fail(Code::kInvalid, "job name: must have 1 to 128 bytes");
  for (const char c : spec.name)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f)
      return Fail(Code::kInvalid, "job name: control characters are not allowed");
  if (spec.network_namespace_pid < 0) return Fail(Code::kInvalid, "network namespace: a process id is above 0");
  if (spec.labels.size() > kMaxLabels) return Fail(Code::kInvalid, "labels: at most 64");
  for (const auto& [key, value] : spec.labels)
    if (key.empty() || key.size() > kMaxLabelKeyBytes || value.size() > kMaxLabelBytes)
      return Fail(Code::kInvalid, "labels: a key has 1 to 128 bytes, a value at most 1024");
  return {};
}

/// One call of BeginJob on its way, so that calls at once do not become more jobs than there may be.
class Place {
 public:
  Place(std::mutex& mutex, std::size_t& taken) : mutex_(mutex), taken_(taken) {
    const std::lock_guard lock(mutex_);
    before_ = taken_++;
  }
  ~Place() {
    const std::lock_guard lock(mutex_);
    --taken_;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  [[nodiscard]] std::size_t jobs_before() const { return before_; }

 private:
  std::mutex& mutex_;
  std::size_t& taken_;
  std::size_t before_ = 0;
};

Result<Fd> OpenNetns(pid_t pid) {
  const std::string path = "/proc/" + (pid > 0 ? std::to_string(pid) : std::string("self")) + "/ns/net";
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return FailErrno("open " + path, errno);
  return fd;
}

/// The command for the record, cut where it grows too long; an ellipsis says so.
std::vector<std::string> ShownCommand(const std::vector<std::string>& command) {
  std::vector<std::string> shown;
  std::size_t left = kMaxCommandBytes;
  for (const std::string& argument : command) {
    if (argument.size() + 1 > left) {
      shown.push_back(argument.substr(0, left) + "…");
      break;
    }
    left -= argument.size() + 1;
    shown.push_back(argument);
  }
  return shown;
}

/// The policy for review. The digest is always of the whole.
std::string ShownPolicy(const std::string& text) {
  if (text.size() <= kMaxEventPolicyBytes) return text;
  const std::size_t end = text.rfind('\n', kMaxEventPolicyBytes);
  return text.substr(0, end == std::string::npos ? kMaxEventPolicyBytes : end + 1) +
         "# cut: " + std::to_string(text.size()) + " bytes in all\n";
}

jobs::JobState StateOf(const JobSpec& spec, const policy::CompiledPolicy& policy, const policy::Date& today) {
  jobs::JobState state;
  state.name = spec.name;
  state.policy_text = spec.policy_text;
  state.policy_path = spec.policy_path;
  state.policy_job = spec.policy_job;
  state.policy_digest = policy.digest;
  state.mode = static_cast<int>(KernelMode(policy.mode));
  state.allow = spec.allow;
  state.labels = spec.labels;
  state.command = ShownCommand(spec.command);
  state.resolvers = spec.resolvers;
  state.search = spec.search;
  state.host = spec.host;
  state.compiled_on = policy::FormatDate(today);
  return state;
}

events::JobBegin BeginEvent(const LiveJob& job, const std::string& host, const std::string& kernel) {
  events::JobBegin begin;
  begin.name = job.state.name;
  begin.mode = job.policy->mode == policy::Mode::kBlock ? events::Mode::kBlock : events::Mode::kAudit;
  begin.policy_digest = job.policy->digest;
  begin.policy_text = ShownPolicy(job.policy->canonical_text);
  begin.labels = job.state.labels;
  begin.command = job.state.command;
  begin.cgroup = job.state.cgroup_path;
  begin.scope_id = job.state.scope_id;
  begin.host = host;
  begin.kernel = kernel;
  begin.sensor_version = SensorVersion();
  return begin;
}

}  // namespace

Result<> Sensor::Parts::FillTables(LiveJob& job, const jobs::Resolvers& resolvers, std::vector<std::string>& warnings) {
  const std::uint32_t scope_id = job.state.scope_id;
  WEIR_TRY(maps->PrepareScope(scope_id));
  auto entries = maps->WritePolicy(scope_id, *job.policy, resolvers.search, sensor_bpf::FindExecutableOnHost);
  WEIR_TRY(entries);
  for (const std::string& path : entries->not_found)
    warnings.push_back("process " + path + ": no such file on this host; rules bound to it match nothing");
  WEIR_TRY(maps->WriteResolvers(scope_id, resolvers.addresses));
  job.scope.cgroup_id = job.cgroup->id();
  job.scope.learned_max_ns = job.policy->learned_max_seconds * 1'000'000'000u;
  job.scope.generation = kFirstGeneration;
  job.scope.mode = KernelMode(job.policy->mode);
  job.scope.flags = entries->flags | (job.state.host ? WEIR_S_HOST : 0);
  job.scope.kinds = job.policy->kinds;
  for (const auto& [name, action] : job.policy->guard) {
    if (action == "allow") warnings.push_back("the policy allows what the guard would refuse: " + name);
  }
  for (const auto& [path, action] : job.policy->sockets) {
    if (action == "allow") warnings.push_back("the policy allows a socket that may act for the job: " + path);
  }
  WEIR_TRY(guard->Refresh(AnyScope()));
  WEIR_TRY(guard->Begin(scope_id, *job.policy, job.reach()));
  WEIR_TRY(maps->WriteScope(scope_id, job.scope));
  return maps->WriteCgroup(job.cgroup->id(), scope_id);
}

Result<> Sensor::Parts::ServeDns(LiveJob& job, const jobs::Resolvers& resolvers) {
  if (!job.netns || resolvers.addresses.empty()) return {};
  dns_forward::JobSpec spec;
  spec.scope_id = job.state.scope_id;
  spec.netns_fd = job.netns.get();
  spec.resolvers = resolvers.addresses;
  spec.search = resolvers.search;
  spec.policy = job.policy;
  auto ports = forwarder->AddJob(spec);
  WEIR_TRY(ports);
  for (const std::uint16_t port : {ports->v4, ports->v6})
    if (port) WEIR_TRY(maps->WriteForwarderPort(job.state.scope_id, job.state.netns_cookie, port));
  job.scope.forwarder_port4 = htons(ports->v4);
  job.scope.forwarder_port6 = htons(ports->v6);
  job.scope.forwarder_ns = jobs::BootNow();
  return maps->WriteScope(job.state.scope_id, job.scope);
}

Result<jobs::Canary> Sensor::Parts::Probe(LiveJob& job) {
  jobs::CanaryOrder order;
  order.scope_id = job.state.scope_id;
  order.generation = job.scope.generation;
  order.expected_verdict = ExpectedCanaryVerdict(*job.policy);
  order.netns_fd = job.netns.get();
  return jobs::RunCanary(*maps, *job.cgroup, order);
}

Result<> Sensor::Parts::TakePlace(LiveJob& job) {
  auto boot_id = jobs::BootId();
  WEIR_TRY(boot_id);
  job.state.boot_id = *boot_id;
  job.state.begin_time_ns = jobs::UnixNow();
  auto job_id = jobs::MakeJobId(job.state.begin_time_ns);
  WEIR_TRY(job_id);
  job.state.job_id = *job_id;
  auto scope_id = programs->NextScopeId();
  WEIR_TRY(scope_id);
  job.state.scope_id = *scope_id;
  jobs::JobState intent;  // checkpoint_time_ns 0: it never ran
  intent.boot_id = *boot_id;
  intent.job_id = *job_id;
  intent.scope_id = *scope_id;
  intent.mode = job.state.mode;
  WEIR_TRY(store->Save(intent, /*sync=*/false));
  auto cgroup = jobs::JobCgroup::Create(config.jobs_root(), *job_id);
  if (!cgroup) {
    static_cast<void>(store->Remove(*job_id));
    return tl::unexpected<Error>(std::move(cgroup).error());
  }
  job.cgroup = std::move(*cgroup);
  job.state.cgroup_path = job.cgroup->path();
  job.state.cgroup_id = job.cgroup->id();
  return {};
}

/// Best effort, in the order that never leaves a process unjudged: none is in the job yet.
void Sensor::Parts::Undo(LiveJob& job) {
  forwarder->RemoveJob(job.state.scope_id);
  pipeline->RemoveJob(job.state.scope_id);
  if (Dismantle(job)) return;
  const std::lock_guard lock(mutex);
  orphans.push_back(job.state.scope_id);
}

Result<JobBegun> Sensor::BeginJob(const JobSpec& asked) {
  Parts& p = *parts_;
  WEIR_TRY(CheckSpec(asked));
  const policy::Date today = policy::Today();
  auto whole = asked.host ? ForHost(asked, p.config.runner_endpoints) : Result<JobSpec>(asked);
  WEIR_TRY(whole);
  const JobSpec& spec = *whole;
  auto effective = CompileFor(spec, today);
  WEIR_TRY(effective);
  auto resolvers = ResolversFor(spec, *effective->compiled, p.config.resolv_conf);
  WEIR_TRY(resolvers);
  const Place place(p.mutex, p.beginning);
  if (place.jobs_before() + p.RunningJobs() >= p.config.max_jobs)
    return Fail(Code::kExhausted, "this host runs " + std::to_string(p.config.max_jobs) + " jobs already");
  WEIR_TRY(p.CheckAlone(spec.host, place.jobs_before()));

  p.RousePrograms();
  auto job = std::make_shared<LiveJob>();
  job->policy = effective->compiled;
  job->state = StateOf(spec, *job->policy, today);
  auto netns = OpenNetns(spec.network_namespace_pid);
  WEIR_TRY(netns);
  job->netns = std::move(*netns);
  struct stat file {};
  if (::fstat(job->netns.get(), &file) == 0) job->state.netns_inode = file.st_ino;
  WEIR_TRY(p.TakePlace(*job));
  const std::string job_id = job->state.job_id;
  const std::uint32_t scope_id = job->state.scope_id;
  p.pipeline->AddJob(scope_id, {job_id, RuleTexts(*job->policy)});

  JobBegun begun;
  begun.warnings = std::move(effective->warnings);
  for (const std::string& fault : resolvers->faults) begun.warnings.push_back(fault);
  std::unique_lock lock(job->mutex);
  if (auto filled = p.FillTables(*job, *resolvers, begun.warnings); !filled) {
    p.Undo(*job);
    return tl::unexpected<Error>(std::move(filled).error());
  }
  begun.not_armed_reasons = p.NotAttached();
  auto canary = p.Probe(*job);
  if (!canary) {
    begun.not_armed_reasons.push_back("canary: " + canary.error().what);
  } else {
    if (!canary->proven) begun.not_armed_reasons.push_back("canary: " + canary->reason);
    job->state.netns_cookie = canary->netns_cookie;
    job->state.canaries.push_back(*canary);
    Result<> served = p.maps->TrustNetns(scope_id, canary->netns_cookie);
    if (served) served = p.ServeDns(*job, *resolvers);
    // Falls closed: without the forwarder DNS over TCP is denied in block mode.
    if (!served) begun.warnings.push_back("DNS over TCP is not served: " + served.error().what);
  }
  begun.armed = begun.not_armed_reasons.empty();
  if (!begun.armed && job->policy->mode == policy::Mode::kBlock) {
    p.Undo(*job);
    std::string what = "not armed, the job was not started";
    for (const std::string& reason : begun.not_armed_reasons) what += "\n" + reason;
    return Fail(Code::kNotArmed, std::move(what));
  }
  job->state.armed = begun.armed;
  job->state.armed_time_ns = begun.armed ? jobs::UnixNow() : 0;
  job->state.not_armed_reasons = begun.not_armed_reasons;
  job->state.checkpoint_time_ns = jobs::UnixNow();
  if (auto saved = p.store->Save(job->state, /*sync=*/true); !saved) {
    p.Undo(*job);
    return tl::unexpected<Error>(std::move(saved).error());
  }
  p.pipeline->Submit(scope_id, BeginEvent(*job, p.host, p.kernel));
  begun.job_id = job_id;
  begun.cgroup_path = job->cgroup->path();
  begun.scope_id = scope_id;
  begun.on_deny = job->policy->on_deny;
  {
    const std::lock_guard all(p.mutex);
    p.live.emplace(job_id, job);
  }
  if (!spec.host) return begun;
  const Result<> moved = p.MoveIn(*job, spec.pids);
  const auto outside = moved ? p.ClaimHost(*job) : tl::unexpected<Error>(moved.error());
  if (outside) {
    begun.warnings.push_back("of this host, these stay outside of the job: " + *outside);
    return begun;
  }
  lock.unlock();
  static_cast<void>(EndJob(job_id, -1));
  return tl::unexpected<Error>(outside.error());
}

Result<std::uint32_t> Sensor::JoinJob(const std::string& job_id, pid_t pid) {
  auto job = parts_->Find(job_id);
  WEIR_TRY(job);
  const std::lock_guard lock((*job)->mutex);
  if ((*job)->ended) return Fail(Code::kNotFound, "job " + job_id + " has ended");
  if (pid <= 0) return Fail(Code::kInvalid, "pid: must be above 0");
  if (pid == ::getpid()) return Fail(Code::kInvalid, "pid: the sensor cannot be in a job");
  auto task = parts_->maps->Task(static_cast<std::uint32_t>(pid));
  WEIR_TRY(task);
  // A scope is kept for life: a move would leave the process in one job's cgroup and under another's policy.
  if (*task && (*task)->scope_id != 0 && (*task)->scope_id != (*job)->state.scope_id)
    return Fail(Code::kExists, "process " + std::to_string(pid) + " is in another job already");
  WEIR_TRY((*job)->cgroup->Add(pid));
  task = parts_->maps->Task(static_cast<std::uint32_t>(pid));
  WEIR_TRY(task);
  if (!*task || (*task)->scope_id != (*job)->state.scope_id)
    return Fail(Code::kNotArmed, "process " + std::to_string(pid) + " entered the job's cgroup but not its scope");
  return jobs::AdoptSockets(*parts_->maps, pid, **task);
}

}  // namespace weir
