// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/reader.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "sensor/base/thread.h"
#include "sensor/events/decode.h"

namespace weir::events {
namespace {

constexpr std::size_t kBatchEvents = 64;
constexpr auto kClockCheckEvery = std::chrono::seconds(60);
// A wall clock that was set; less is slewing, and times of one process should agree with each other.
constexpr std::int64_t kClockStepNs = 100'000'000;

}  // namespace

RingReader::RingReader(const JobTable& jobs, EventQueue& queue, std::chrono::milliseconds idle_poll)
    : jobs_(jobs), queue_(queue), idle_poll_(idle_poll) {
  boot_to_unix_ns_ = BootToUnixNs();
  batch_.reserve(kBatchEvents);
}

Result<std::unique_ptr<RingReader>> RingReader::Create(const PipelineConfig& config, const JobTable& jobs,
                                                       EventQueue& queue) {
  std::unique_ptr<RingReader> reader(new RingReader(jobs, queue, config.idle_poll));
  WEIR_TRY(reader->Open(config));
  reader->thread_ = StartThread("weir-reader", [raw = reader.get()] { raw->Run(); });
  return reader;
}

Result<> RingReader::Open(const PipelineConfig& config) {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return FailErrno("make an epoll set", errno);
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return FailErrno("make an eventfd", errno);
  epoll_event interest{.events = EPOLLIN, .data = {.fd = wake_.get()}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &interest)) return FailErrno("watch an eventfd", errno);
  if (config.events_ring_fd >= 0) {
    auto ring = Ring::Open(config.events_ring_fd);
    if (!ring) return tl::unexpected<Error>(ring.error());
    events_.emplace(Source{*std::move(ring), 0});
  }
  if (config.denials_ring_fd >= 0) {
    auto ring = Ring::Open(config.denials_ring_fd);
    if (!ring) return tl::unexpected<Error>(ring.error());
    denials_.emplace(Source{*std::move(ring), 0});
    // Only this one: epoll on a ring is level-triggered, so the plain one would wake the thread for every event.
    interest = {.events = EPOLLIN, .data = {.fd = config.denials_ring_fd}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, config.denials_ring_fd, &interest)) {
      return FailErrno("watch the ring of denials", errno);
    }
  }
  return {};
}

RingReader::~RingReader() { Stop(); }

void RingReader::Stop() {
  stop_ = true;
  if (wake_) eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void RingReader::Run() {
  int timeout_ms = 0;
  while (!stop_) {
    epoll_event ready[2];
    epoll_wait(epoll_.get(), ready, 2, timeout_ms);
    eventfd_t ignored;
    eventfd_read(wake_.get(), &ignored);
    FollowClock();
    // Plain events first, so that mostly a process is handed on before what it was denied.
    std::uint64_t bytes = events_ ? Drain(*events_) : 0;
    if (denials_) bytes += Drain(*denials_);
    last_job_.reset();
    timeout_ms = NextTimeoutMs(bytes);
  }
}

int RingReader::NextTimeoutMs(std::uint64_t bytes_read) {
  {
    std::lock_guard lock(mutex_);
    // A record that a program was still writing is complete within microseconds.
    if (waiting_) return 1;
  }
  if (events_ && bytes_read > events_->ring.view().bytes / 16) return 1;
  const int idle_ms = static_cast<int>(idle_poll_.count());
  return bytes_read ? std::min(5, idle_ms) : idle_ms;
}

// Bounded by what the ring holds now, so that a flood in one ring does not keep the thread from the other.
std::uint64_t RingReader::Drain(Source& source) {
  RingView& view = source.ring.view();
  const std::uint64_t from = view.ConsumerPosition();
  view.Consume(view.ProducerPosition(), [this](std::span<const std::byte> record) { OnRecord(record); });
  PushBatch();
  const std::uint64_t until = view.ConsumerPosition();
  {
    std::lock_guard lock(mutex_);
    source.read_until = until;
  }
  read_.notify_all();
  return until - from;
}

void RingReader::OnRecord(std::span<const std::byte> record) {
  const auto scope_id = ScopeOfRecord(record);
  if (!scope_id) {
    ++refused_;
    return;
  }
  if (!last_job_ || last_scope_ != *scope_id) {
    last_job_ = jobs_.Find(*scope_id);
    last_scope_ = *scope_id;
  }
  if (!last_job_) {
    ++unowned_;
    return;
  }
  ++last_job_->events_read;
  Result<Event> event = Decode(record, boot_to_unix_ns_.load(std::memory_order_relaxed));
  if (!event) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    last_job_->CountRefused(std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
    ++refused_;
    return;
  }
  batch_.push_back({*std::move(event), nullptr});
  if (batch_.size() == kBatchEvents) PushBatch();
}

void RingReader::PushBatch() {
  if (!batch_.empty()) queue_.Push(batch_);
}

void RingReader::FollowClock() {
  const auto now = std::chrono::steady_clock::now();
  if (now - clock_checked_ < kClockCheckEvery) return;
  clock_checked_ = now;
  const std::int64_t offset = BootToUnixNs();
  if (std::abs(offset - boot_to_unix_ns_.load()) > kClockStepNs) boot_to_unix_ns_ = offset;
}

bool RingReader::WaitRead(std::chrono::milliseconds wait) {
  const std::uint64_t events_until = events_ ? events_->ring.view().ProducerPosition() : 0;
  const std::uint64_t denials_until = denials_ ? denials_->ring.view().ProducerPosition() : 0;
  std::unique_lock lock(mutex_);
  ++waiting_;
  eventfd_write(wake_.get(), 1);
  const bool done = read_.wait_for(lock, wait, [&] {
    return (!events_ || events_->read_until >= events_until) && (!denials_ || denials_->read_until >= denials_until);
  });
  --waiting_;
  return done;
}

}  // namespace weir::events
