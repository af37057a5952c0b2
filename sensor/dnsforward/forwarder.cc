// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/forwarder.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>

#include "sensor/base/fd.h"
#include "sensor/base/thread.h"
#include "sensor/dnsforward/job.h"
#include "sensor/dnsforward/message.h"
#include "sensor/dnsforward/session.h"

namespace weir::dns_forward {
namespace {

constexpr int kTickMs = 250;
constexpr int kReadyEvents = 64;
// One listener gives at most so many connections a turn, so that a job that only connects keeps no other waiting.
constexpr int kAcceptsPerTurn = 16;

// What an epoll entry stands for: number << 2 | role. Numbers of sessions are never reused, so a late event finds
// nothing.
enum Role : std::uint64_t { kClient = 0, kUpstream = 1, kListener4 = 2, kListener6 = 3 };
constexpr std::uint64_t kWake = UINT64_MAX;

std::uint64_t Tag(std::uint64_t number, Role role) { return number << 2 | role; }

std::uint32_t Mask(const Interest& interest) {
  return (interest.read ? std::uint32_t{EPOLLIN} : 0u) | (interest.write ? std::uint32_t{EPOLLOUT} : 0u);
}

}  // namespace

struct Forwarder::Parts {
  Parts(Callbacks forwarder_callbacks, const Limits& forwarder_limits)
      : callbacks(std::move(forwarder_callbacks)), limits(forwarder_limits), judge(callbacks, parser) {}
  ~Parts();

  /// One side of a session as the epoll set knows it.
  struct Side {
    int fd = -1;
    Interest interest;
  };
  struct Connection {
    std::uint32_t scope_id;
    std::unique_ptr<Session> session;
    Side client, upstream;
  };

  void Run();
  void OnReady(const epoll_event& ready);
  void Accept(std::uint32_t scope_id, Role role);
  void Watch(std::uint64_t number, Connection& connection);
  void WatchSide(std::uint64_t tag, Side& side, int fd, const Interest& interest);
  void Tick();
  void Settle(std::uint64_t number);

  const Callbacks callbacks;
  const Limits limits;
  Fd epoll;
  Fd wake;
  std::atomic<bool> stop{false};

  mutable std::mutex mutex;  ///< guards everything below
  MessageParser parser;
  Judge judge;
  std::map<std::uint32_t, std::unique_ptr<Job>> jobs;
  std::unordered_map<std::uint64_t, Connection> connections;  ///< after jobs: sessions refer to them
  std::uint64_t next_number = 1;

  std::thread thread;
};

Forwarder::Parts::~Parts() {
  stop = true;
  if (wake) eventfd_write(wake.get(), 1);
  if (thread.joinable()) thread.join();
}

void Forwarder::Parts::Run() {
  std::array<epoll_event, kReadyEvents> ready;
  auto next_tick = Clock::now();
  while (!stop) {
    const int count = epoll_wait(epoll.get(), ready.data(), kReadyEvents, kTickMs);
    std::lock_guard lock(mutex);
    for (int i = 0; i < count; ++i) OnReady(ready[static_cast<std::size_t>(i)]);
    if (Clock::now() < next_tick) continue;
    next_tick = Clock::now() + std::chrono::milliseconds(kTickMs);
    Tick();
    if (callbacks.alive) callbacks.alive();
  }
}

void Forwarder::Parts::OnReady(const epoll_event& ready) {
  if (ready.data.u64 == kWake) return;
  const auto role = static_cast<Role>(ready.data.u64 & 3);
  const std::uint64_t number = ready.data.u64 >> 2;
  if (role == kListener4 || role == kListener6) return Accept(static_cast<std::uint32_t>(number), role);
  const auto found = connections.find(number);
  if (found == connections.end()) return;
  Session& session = *found->second.session;
  // Errors are found by reading or writing.
  const bool failed = ready.events & (EPOLLERR | EPOLLHUP);
  const bool readable = failed || (ready.events & EPOLLIN);
  const bool writable = failed || (ready.events & EPOLLOUT);
  if (role == kClient) {
    session.OnClient(readable, writable);
  } else if (session.upstream_fd() >= 0) {
    session.OnUpstream(readable, writable);
  }
  Settle(number);
}

// Ends a session that is over, else waits for what it needs now.
void Forwarder::Parts::Settle(std::uint64_t number) {
  const auto found = connections.find(number);
  if (found->second.session->over()) {
    connections.erase(found);
  } else {
    Watch(number, found->second);
  }
}

void Forwarder::Parts::Watch(std::uint64_t number, Connection& connection) {
  const Session& session = *connection.session;
  WatchSide(Tag(number, kClient), connection.client, session.client_fd(), session.ClientInterest());
  WatchSide(Tag(number, kUpstream), connection.upstream, session.upstream_fd(), session.UpstreamInterest());
}

void Forwarder::Parts::WatchSide(std::uint64_t tag, Side& side, int fd, const Interest& interest) {
  if (fd < 0) {
    side = {};
    return;
  }
  epoll_event event{.events = Mask(interest), .data = {.u64 = tag}};
  // A new upstream may have the number of the one that was closed: then it is not in the set, and is added.
  if (side.fd != fd || epoll_ctl(epoll.get(), EPOLL_CTL_MOD, fd, &event)) {
    epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event);
  }
  side = {fd, interest};
}

void Forwarder::Parts::Accept(std::uint32_t scope_id, Role role) {
  const auto found = jobs.find(scope_id);
  if (found == jobs.end()) return;
  Job& job = *found->second;
  const int listener = (role == kListener4 ? job.listeners.v4 : job.listeners.v6).fd.get();
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    Fd client(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return;
    if (job.connections >= limits.connections_per_job || connections.size() >= limits.connections_total) {
      ++job.counters.connections_refused;
      continue;
    }
    const std::uint64_t number = next_number++;
    auto session = std::make_unique<Session>(std::move(client), job, judge, callbacks, limits);
    const auto added = connections.emplace(number, Connection{scope_id, std::move(session), {}, {}});
    Watch(number, added.first->second);
  }
}

void Forwarder::Parts::Tick() {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(connections.size());
  for (const auto& [number, connection] : connections) numbers.push_back(number);
  for (const std::uint64_t number : numbers) {
    connections.at(number).session->OnTick();
    Settle(number);
  }
}

Forwarder::Forwarder(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Forwarder::~Forwarder() = default;

Result<std::unique_ptr<Forwarder>> Forwarder::Create(Callbacks callbacks, Limits limits) {
  if (!callbacks.learn || !callbacks.event) return Fail(Code::kInvalid, "a DNS forwarder needs its callbacks");
  auto parts = std::make_unique<Parts>(std::move(callbacks), limits);
  parts->epoll.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!parts->epoll) return FailErrno("make an epoll set", errno);
  parts->wake.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!parts->wake) return FailErrno("make an eventfd", errno);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kWake}};
  if (epoll_ctl(parts->epoll.get(), EPOLL_CTL_ADD, parts->wake.get(), &event)) {
    return FailErrno("watch an eventfd", errno);
  }
  parts->thread = StartThread("weir-dns", [raw = parts.get()] { raw->Run(); });
  return std::unique_ptr<Forwarder>(new Forwarder(std::move(parts)));
}

Result<Ports> Forwarder::AddJob(const JobSpec& spec) {
  if (!spec.policy) return Fail(Code::kInvalid, "a DNS forwarder's job needs a policy");
  Fd netns;
  if (spec.netns_fd >= 0) {
    netns.Reset(fcntl(spec.netns_fd, F_DUPFD_CLOEXEC, 0));
    if (!netns) return FailErrno("keep the job's network namespace", errno);
  }
  auto listeners = OpenListeners(spec.netns_fd);
  if (!listeners) return tl::unexpected<Error>(std::move(listeners).error());
  const Ports ports{listeners->v4.port, listeners->v6.port};

  std::lock_guard lock(parts_->mutex);
  if (parts_->jobs.contains(spec.scope_id)) return Fail(Code::kExists, "the scope has a DNS forwarder already");
  auto job = std::make_unique<Job>(spec, std::move(netns), *std::move(listeners));
  for (const auto& [listener, role] :
       {std::pair(&job->listeners.v4, kListener4), std::pair(&job->listeners.v6, kListener6)}) {
    if (!listener->fd) continue;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = Tag(spec.scope_id, role)}};
    if (epoll_ctl(parts_->epoll.get(), EPOLL_CTL_ADD, listener->fd.get(), &event)) {
      return FailErrno("watch a DNS forwarder's listener", errno);
    }
  }
  parts_->jobs.emplace(spec.scope_id, std::move(job));
  return ports;
}

void Forwarder::RemoveJob(std::uint32_t scope_id) {
  std::lock_guard lock(parts_->mutex);
  std::erase_if(parts_->connections, [&](const auto& entry) { return entry.second.scope_id == scope_id; });
  parts_->jobs.erase(scope_id);
}

Counters Forwarder::CountersOf(std::uint32_t scope_id) const {
  std::lock_guard lock(parts_->mutex);
  const auto found = parts_->jobs.find(scope_id);
  return found == parts_->jobs.end() ? Counters{} : found->second->counters;
}

}  // namespace weir::dns_forward
