// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/sensor.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include <grpcpp/channel.h>

#include "sensor/app/host.h"
#include "sensor/app/parts.h"
#include "sensor/jobs/job_id.h"

namespace weir {
namespace {

constexpr std::chrono::milliseconds kDrainAtStop{2000};
constexpr std::int64_t kForwarderSilence_ns = 3'000'000'000;  // below WEIR_FORWARDER_STALE_NS

std::uint64_t RandomEpoch() {
  std::uint64_t epoch = 0;
  while (epoch == 0)
    if (::getrandom(&epoch, sizeof(epoch), 0) != sizeof(epoch)) epoch = jobs::BootNow();
  return epoch;
}

std::int64_t SteadyNow() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

}  // namespace

Result<> Sensor::Parts::StartPipeline(std::shared_ptr<grpc::Channel> collector,
                                      std::map<std::uint32_t, events::JobInfo> adopted) {
  if (collector) {
    uplink::UplinkConfig settings;
    settings.sensor = config.sensor_name;
    settings.epoch = epoch;
    auto link = uplink::Uplink::Create(settings, std::move(collector));
    WEIR_TRY(link);
    uplink = std::move(*link);
    has_collector = true;
  }
  events::PipelineConfig settings;
  settings.events_ring_fd = maps->events_ring_fd();
  settings.denials_ring_fd = maps->denials_ring_fd();
  settings.adopted = std::move(adopted);
  auto line = events::EventPipeline::Create(
      settings,
      [this](const events::FlowVisitor& visit) {
        return maps->ForEachFlow([&](const weir_flow_key& key, const weir_flow& flow) {
          if (key.hook != WEIR_HOOK_FINDING) visit(key, flow);
        });
      },
      [this](events::Outgoing event) {
        if (uplink) uplink->Append(std::move(event));
      },
      [this](const events::Outgoing& event) { return !uplink || uplink->Admit(event); });
  WEIR_TRY(line);
  pipeline = std::move(*line);
  dns_forward::Callbacks callbacks;
  callbacks.learn = [this](const dns_forward::Lesson& lesson) {
    sensor_bpf::Lesson out;
    out.scope_id = lesson.scope_id;
    out.wire = std::string(lesson.name);
    out.addresses = lesson.addresses;
    out.ports = lesson.ports;
    out.rule_id = lesson.rule_id;
    out.now_ns = jobs::BootNow();
    if (auto scope = maps->ReadScope(lesson.scope_id); scope && *scope) out.learned_max_ns = (*scope)->learned_max_ns;
    return maps->Learn(out);
  };
  callbacks.event = [this](std::uint32_t scope_id, std::uint32_t step, events::Body body) {
    pipeline->Submit(scope_id, std::move(body), step);
  };
  callbacks.alive = [this] { forwarder_alive_ns = static_cast<std::int64_t>(jobs::BootNow()); };
  callbacks.maps = {programs->MapFd("weir_socks"), programs->MapFd("weir_fwd_gone")};
  auto dns = dns_forward::Forwarder::Create(std::move(callbacks));
  WEIR_TRY(dns);
  forwarder = std::move(*dns);
  return {};
}

/// Tells the programs that the forwarder works, and takes away scopes whose last process has gone.
void Sensor::Parts::Beat() {
  const auto now = static_cast<std::int64_t>(jobs::BootNow());
  const bool alive = now - forwarder_alive_ns < kForwarderSilence_ns;
  for (const LiveJobPtr& job : Jobs()) {
    std::unique_lock lock(job->mutex, std::try_to_lock);
    if (!lock) continue;  // begins or ends right now
    if (job->ended) {
      if (!Dismantle(*job)) continue;  // processes are still there
      const std::string job_id = job->state.job_id;
      lock.unlock();
      const std::lock_guard all(mutex);
      live.erase(job_id);
      continue;
    }
    if (alive && (job->scope.forwarder_port4 || job->scope.forwarder_port6)) {
      job->scope.forwarder_ns = static_cast<std::uint64_t>(now);
      static_cast<void>(maps->WriteScope(job->state.scope_id, job->scope));
    }
  }
}

void Sensor::Parts::Checkpoint() {
  static_cast<void>(pipeline->SubmitFlowTotals(std::nullopt));
  for (const LiveJobPtr& job : Jobs()) {
    std::unique_lock lock(job->mutex, std::try_to_lock);
    if (!lock || job->ended) continue;
    jobs::JobState state = job->state;
    const events::ScopeTally tally = pipeline->Tally(state.scope_id);
    // What waits in memory dies with us: only what the collector has counts as carried on.
    const bool delivered = pipeline->Status().queued == 0 && (!uplink || uplink->Status().waiting == 0);
    if (delivered) job->events_read_safe = tally.events_read;
    const events::StreamDigest digest = pipeline->Digest(state.scope_id);
    state.segments.push_back({epoch, digest.events, digest.first_sequence, digest.last_sequence, digest.sha256_hex});
    state.checkpoint_time_ns = jobs::UnixNow();
    state.events_read = job->events_read_before + job->events_read_safe;
    for (const auto& [kind, count] : tally.dropped) state.dropped[kind] += count;
    for (const auto& [kind, count] : tally.undelivered) state.undelivered[kind] += count;
    for (const auto& [name, count] : ForwarderCounts(state.scope_id)) state.forwarder_counts[name] += count;
    auto saved = store->Save(state, /*sync=*/false);
    if (!saved && !job->checkpoint_failed)
      pipeline->Submit(state.scope_id, events::Finding{"state-not-kept", saved.error().what, 0, 0, {}});
    job->checkpoint_failed = !saved;
  }
}

/// Also one that no job is known for, or that is about to be swept.
bool Sensor::Parts::AnyScope() const {
  const auto scopes = maps->Scopes();
  return !scopes || !scopes->empty();
}

void Sensor::Parts::RousePrograms() {
  const std::lock_guard lock(rest_mutex);
  last_needed = std::chrono::steady_clock::now();
  programs->Rouse();
}

/// When nobody has needed them for long. A job that begins has said so before it rouses them. One that begins while the
/// links are closed waits for that, about a second: until then the kernel takes none of the programs a second time.
void Sensor::Parts::RestPrograms() {
  const std::lock_guard lock(rest_mutex);
  const std::size_t begins = [this] {
    const std::lock_guard all(mutex);
    return beginning;
  }();
  const auto now = std::chrono::steady_clock::now();
  if (begins > 0 || AnyScope()) last_needed = now;
  if (now - last_needed < config.guard_rest) return;
  programs->Rest().clear();
}

/// Paths may lie on file systems that hang (a root job can mount one): nothing else waits for this thread.
void Sensor::Parts::WatchGuard() {
  std::string told;
  std::unique_lock lock(mutex);
  while (!stop.wait_for(lock, config.heartbeat, [this] { return stopping; })) {
    lock.unlock();
    const std::vector<LiveJobPtr> jobs = Jobs();
    RestPrograms();
    Result<> done = guard->Refresh(AnyScope());
    for (const LiveJobPtr& job : jobs) {
      if (auto written = guard->RefreshSockets(job->state.scope_id, *job->policy, job->reach()); done && !written)
        done = std::move(written);
    }
    const std::string fault = done ? std::string() : done.error().what;
    if (!fault.empty() && fault != told) pipeline->Submit(0, events::Finding{"guard-incomplete", fault, 0, 0, {}});
    told = fault;
    lock.lock();
  }
}

void Sensor::Parts::RunTimer() {
  std::chrono::milliseconds since_totals{0};
  std::unique_lock lock(mutex);
  while (!stop.wait_for(lock, config.heartbeat, [this] { return stopping; })) {
    lock.unlock();
    Beat();
    TidyScopes();
    timer_alive_ns = SteadyNow();
    since_totals += config.heartbeat;
    if (since_totals >= config.flow_totals) {
      since_totals = std::chrono::milliseconds(0);
      Checkpoint();
      pipeline->Submit(0, events::Heartbeat{SensorVersion(), kernel, host, NotAttached().empty(),
                                            static_cast<std::uint32_t>(RunningJobs())});
    }
    lock.lock();
  }
}

Result<LiveJobPtr> Sensor::Parts::Find(const std::string& job_id) const {
  const std::lock_guard lock(mutex);
  const auto it = live.find(job_id);
  if (it == live.end()) return Fail(Code::kNotFound, "no job " + job_id + " runs here");
  return it->second;
}

std::vector<LiveJobPtr> Sensor::Parts::Jobs() const {
  const std::lock_guard lock(mutex);
  std::vector<LiveJobPtr> all;
  all.reserve(live.size());
  for (const auto& [job_id, job] : live) all.push_back(job);
  return all;
}

std::size_t Sensor::Parts::RunningJobs() const {
  const std::lock_guard lock(mutex);
  return static_cast<std::size_t>(
      std::count_if(live.begin(), live.end(), [](const auto& entry) { return !entry.second->ended; }));
}

std::vector<std::string> Sensor::Parts::NotAttached() const {
  std::vector<std::string> reasons;
  for (const sensor_bpf::ProgramInfo& program : programs->Describe())
    if (!program.attached && !program.resting)
      reasons.push_back(program.name + " is not attached (" + program.attach + ")");
  return reasons;
}

Sensor::Parts::~Parts() {
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  stop.notify_all();
  if (timer.joinable()) timer.join();
  if (guard_watch.joinable()) guard_watch.join();
  if (worker_watch.joinable()) worker_watch.join();
  if (!programs || !maps) return;
  if (pipeline && !live.empty()) {
    static_cast<void>(pipeline->Flush(std::nullopt, kDrainAtStop));
    if (uplink) static_cast<void>(uplink->WaitDurable(pipeline->Status().last_sequence, kDrainAtStop));
    Checkpoint();
  }
  forwarder.reset();
  forwarder_alive_ns = 0;
  Beat();  // the last process of an ended job may have gone since
  TidyScopes();
  pipeline.reset();
  // The kernel knows best whether anything is still to be judged: a job's state file may have been unreadable, or the
  // start may have failed before it was read.
  const auto scopes = maps->Scopes();
  if (!scopes || !scopes->empty()) return;
  static_cast<void>(programs->Remove());
  jobs::RemoveJobsDirectory(config.jobs_root());
}

Sensor::Sensor(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Sensor::~Sensor() = default;

Result<std::unique_ptr<Sensor>> Sensor::Create(const SensorConfig& config, std::shared_ptr<grpc::Channel> collector) {
  WEIR_TRY(Validate(config));
  auto resolved = Resolve(config);
  WEIR_TRY(resolved);
  auto parts = std::make_unique<Parts>();
  parts->config = std::move(*resolved);
  parts->host = HostName();
  parts->kernel = KernelRelease();
  parts->epoch = RandomEpoch();
  parts->start_time_ns = jobs::UnixNow();
  auto store = jobs::StateStore::Open(parts->config.state_directory);
  WEIR_TRY(store);
  parts->store = std::move(*store);
  auto states = parts->store->LoadAll();
  WEIR_TRY(states);
  parts->start_faults = std::move(states->faults);
  WEIR_TRY(parts->CheckPlace(states->jobs));
  sensor_bpf::ProgramsOptions options;
  options.cgroup_root = parts->config.cgroup_root;
  options.pin_directory = parts->config.pin_directory;
  options.events_ring_bytes = parts->config.events_ring_bytes;
  options.denials_ring_bytes = parts->config.denials_ring_bytes;
  auto programs = sensor_bpf::Programs::Open(options);
  WEIR_TRY(programs);
  parts->programs = std::move(*programs);
  auto maps = sensor_bpf::PolicyMaps::Of(*parts->programs);
  WEIR_TRY(maps);
  parts->maps = std::move(*maps);
  auto guard = guard::Guard::Create(*parts->programs, *parts->maps,
                                    {parts->config.cgroup_root, parts->config.jobs_root(), parts->config.pin_directory,
                                     parts->config.state_directory});
  WEIR_TRY(guard);
  parts->guard.emplace(std::move(*guard));
  std::vector<jobs::JobState> stale;
  auto adopted = parts->AdoptStates(std::move(states->jobs), stale);
  WEIR_TRY(adopted);
  WEIR_TRY(parts->StartPipeline(std::move(collector), std::move(*adopted)));
  for (const std::string& fault : parts->start_faults)
    parts->pipeline->Submit(0, events::Finding{"job-state-damaged", fault, 0, 0, {}});
  parts->CloseStale(stale);
  parts->FindOrphans();
  parts->ResumeAdopted();
  parts->timer_alive_ns = SteadyNow();
  parts->timer = std::thread([p = parts.get()] { p->RunTimer(); });
  parts->guard_watch = std::thread([p = parts.get()] { p->WatchGuard(); });
  parts->worker_watch = std::thread([p = parts.get()] { p->WatchWorkers(); });
  return std::unique_ptr<Sensor>(new Sensor(std::move(parts)));
}

std::vector<JobView> Sensor::ListJobs() const {
  std::vector<JobView> views;
  for (const LiveJobPtr& job : parts_->Jobs()) {
    JobView view;
    view.job_id = job->state.job_id;
    view.name = job->state.name;
    view.mode = job->policy->mode;
    view.begin_time_ns = job->state.begin_time_ns;
    view.scope_id = job->state.scope_id;
    view.cgroup_path = job->state.cgroup_path;
    view.armed = job->state.armed;
    view.adopted = job->adopted;
    view.labels = job->state.labels;
    if (auto counts = parts_->maps->ReadCounts(job->state.scope_id)) {
      const jobs::VerdictSums sums = jobs::SumVerdicts(*counts, {});
      view.allowed = sums.allowed;
      view.denied = sums.denied;
      view.would_deny = sums.would_deny;
      for (const auto& [kind, count] : jobs::LostInKernel(*counts)) view.lost += count;
    }
    for (const bool services : {false, true})
      if (auto tasks = parts_->maps->TasksOf(job->state.scope_id, services))
        view.tasks += static_cast<std::uint32_t>(tasks->size());
    view.ended = job->ended;
    if (view.ended) {
      view.end_time_ns = job->state.end_time_ns;
      view.exit_status = job->state.exit_status;
      auto left = parts_->Survivors(job->state.scope_id, job->cgroup ? &*job->cgroup : nullptr);
      view.leftovers = left ? static_cast<std::uint32_t>(left->size()) : view.tasks;
    }
    views.push_back(std::move(view));
  }
  return views;
}

std::size_t Sensor::RunningJobs() const { return parts_->RunningJobs(); }

std::chrono::milliseconds Sensor::SinceHeartbeat() const {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::nanoseconds(SteadyNow() - parts_->timer_alive_ns));
}

SensorStatus Sensor::Status() const {
  SensorStatus status;
  status.version = SensorVersion();
  status.host = parts_->host;
  status.kernel = parts_->kernel;
  status.not_armed_reasons = parts_->NotAttached();
  status.armed = status.not_armed_reasons.empty();
  status.start_time_ns = parts_->start_time_ns;
  for (const sensor_bpf::ProgramInfo& program : parts_->programs->Describe())
    status.programs.push_back({program.name, program.tag, program.attach, program.attached, program.resting});
  for (const guard::ClassState& state : parts_->guard->states()) {
    const policy::GuardClass* known = policy::GuardClassOf(state.number);
    status.guard.push_back(
        {std::string(known->name), std::string(guard::StateName(state.state)), state.why, std::string(known->what)});
  }
  status.cgroup_root = parts_->config.cgroup_root;
  status.pin_directory = parts_->config.pin_directory;
  const events::PipelineStatus line = parts_->pipeline->Status();
  status.events_queued = line.queued;
  status.events_dropped = line.dropped;
  status.has_collector = parts_->has_collector;
  if (parts_->uplink) {
    const uplink::UplinkStatus link = parts_->uplink->Status();
    status.collector_connected = link.connected;
    status.events_queued += link.waiting;
  }
  status.epoch = parts_->epoch;
  status.start_faults = parts_->start_faults;
  status.jobs = static_cast<std::uint32_t>(parts_->RunningJobs());
  return status;
}

Result<std::optional<std::string>> Sensor::JobOfProcess(pid_t pid) const {
  auto task = parts_->maps->Task(static_cast<std::uint32_t>(pid));
  WEIR_TRY(task);
  auto cgroup = jobs::CgroupOfProcess(pid);
  WEIR_TRY(cgroup);
  // Its scope first: it keeps that, whichever cgroup it moves to.
  for (const LiveJobPtr& job : parts_->Jobs())
    if (*task && (*task)->scope_id == job->state.scope_id) return std::optional(job->state.job_id);
  // In a scope that no job has any more: inside, whatever it was.
  if (*task) return std::optional(std::string("ended"));
  // By its cgroup when the table of tasks had no room for it; also of a job that is not known here.
  std::string job_id = jobs::JobIdInCgroup(*cgroup);
  return job_id.empty() ? std::optional<std::string>() : std::optional(std::move(job_id));
}

void Sensor::ReportFinding(const std::string& job_id, const std::string& kind, const std::string& detail, pid_t pid) {
  std::uint32_t scope_id = 0;
  if (auto job = parts_->Find(job_id)) scope_id = (*job)->state.scope_id;
  parts_->pipeline->Submit(scope_id, events::Finding{kind, detail, 0, static_cast<std::uint32_t>(pid), {}},
                           parts_->StepOf(pid));
}

}  // namespace weir
