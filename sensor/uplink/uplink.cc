// SPDX-License-Identifier: Apache-2.0
#include "sensor/uplink/uplink.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "sensor/base/thread.h"
#include "sensor/uplink/outbox.h"
#include "sensor/uplink/stream.h"

namespace weir::uplink {

struct Uplink::Parts {
  Parts(const UplinkConfig& uplink_config, std::shared_ptr<grpc::Channel> to_collector)
      : config(uplink_config), channel(std::move(to_collector)), outbox(uplink_config.window_bytes) {}
  ~Parts();

  void Run();
  void Pause(std::chrono::milliseconds backoff);

  const UplinkConfig config;
  const std::shared_ptr<grpc::Channel> channel;
  Outbox outbox;
  std::atomic<bool> stop{false};
  std::atomic<bool> connected{false};
  std::atomic<std::uint64_t> reconnects{0};

  std::mutex mutex;
  std::condition_variable stopped;
  std::string last_error;  ///< guarded by mutex

  /// Acknowledged sequence when waiting for room was last in vain: until it moves, Admit does not wait again.
  std::uint64_t stalled_at = UINT64_MAX;  // the appending thread's own

  std::thread thread;
};

Uplink::Parts::~Parts() {
  {
    std::lock_guard lock(mutex);
    stop = true;
  }
  stopped.notify_all();
  outbox.Close();
  if (thread.joinable()) thread.join();
}

void Uplink::Parts::Run() {
  std::chrono::milliseconds backoff = config.backoff_first;
  for (bool first = true; !stop; first = false) {
    if (!first) {
      ++reconnects;
      // The channel has a pause of its own, which grows to two minutes while nobody is there; ours is the one that
      // counts.
      grpc::experimental::ChannelResetConnectionBackoff(channel.get());
    }
    Stream stream(config, outbox, stop);
    std::string why = stream.Run(channel, connected);
    {
      std::lock_guard lock(mutex);
      last_error = std::move(why);
    }
    if (stream.progressed()) backoff = config.backoff_first;
    Pause(backoff);
    backoff = std::min(backoff * 2, config.backoff_max);
  }
}

// Between half of `backoff` and all of it, so that a fleet does not come back in one wave.
void Uplink::Parts::Pause(std::chrono::milliseconds backoff) {
  thread_local std::mt19937 random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> jitter(backoff.count() / 2, backoff.count());
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, std::chrono::milliseconds(jitter(random)), [&] { return stop.load(); });
}

Uplink::Uplink(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Uplink::~Uplink() = default;

Result<std::unique_ptr<Uplink>> Uplink::Create(const UplinkConfig& config, std::shared_ptr<grpc::Channel> channel) {
  if (config.sensor.empty() || config.sensor.size() > 253) {
    return Fail(Code::kInvalid, "a sensor's name has 1 to 253 bytes");
  }
  if (config.epoch == 0) return Fail(Code::kInvalid, "a sensor's epoch is not 0");
  if (!channel) return Fail(Code::kInvalid, "an uplink needs a channel");
  auto parts = std::make_unique<Parts>(config, std::move(channel));
  parts->thread = StartThread("weir-uplink", [raw = parts.get()] { raw->Run(); });
  return std::unique_ptr<Uplink>(new Uplink(std::move(parts)));
}

bool Uplink::Admit(const events::Outgoing& event) {
  const bool wait = parts_->connected && parts_->stalled_at != parts_->outbox.Acknowledged();
  const bool room =
      parts_->outbox.WaitForRoom(event, wait ? parts_->config.backpressure : std::chrono::milliseconds(0));
  if (wait) parts_->stalled_at = room ? UINT64_MAX : parts_->outbox.Acknowledged();
  return room;
}

void Uplink::Append(events::Outgoing event) { parts_->outbox.Append(std::move(event)); }

Result<> Uplink::WaitDurable(std::uint64_t sequence, std::chrono::milliseconds deadline) {
  if (parts_->outbox.WaitAcknowledged(sequence, deadline)) return {};
  std::string why = "the collector has not confirmed event " + std::to_string(sequence) + " in time";
  std::lock_guard lock(parts_->mutex);
  if (!parts_->last_error.empty()) why += "; last: " + parts_->last_error;
  return Fail(Code::kUnavailable, std::move(why));
}

UplinkStatus Uplink::Status() const {
  std::lock_guard lock(parts_->mutex);
  return {parts_->connected.load(), parts_->outbox.Acknowledged(), parts_->outbox.Events(), parts_->reconnects.load(),
          parts_->last_error};
}

}  // namespace weir::uplink
