// SPDX-License-Identifier: Apache-2.0
#include "sensor/uplink/stream.h"

#include <utility>

#include "sensor/uplink/batch.h"

namespace weir::uplink {
namespace {

constexpr char kMethod[] = "/weir.v1.EventIngest/Stream";
// How soon a stream that ended, or a stop, is noticed while nothing is sent.
constexpr auto kLook = std::chrono::milliseconds(50);

}  // namespace

Stream::Stream(const UplinkConfig& config, Outbox& outbox, std::atomic<bool>& stop)
    : config_(config), outbox_(outbox), stop_(stop), last_ack_(std::chrono::steady_clock::now()) {}

std::string Stream::Run(const std::shared_ptr<grpc::Channel>& channel, std::atomic<bool>& connected) {
  connected_ = &connected;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, v1::EventAck> stub(channel);
  stub.PrepareBidiStreamingCall(&context_, kMethod, {}, this);
  AddHold();  // writes begin outside of reactions
  StartRead(&ack_);
  StartCall();
  Send();
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !writing_; });
  }
  RemoveHold();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return done_; });
  connected = false;
  return why_;
}

void Stream::Send() {
  std::uint64_t sent = outbox_.Acknowledged();
  while (!Ended()) {
    if (stop_) return Abort("the sensor stops");
    if (AcksAreLate(sent)) return Abort("no acknowledgement in time");
    if (sent > outbox_.Acknowledged() + config_.in_flight_events) {
      (void)outbox_.WaitAcknowledged(sent - config_.in_flight_events, kLook);
    } else if (outbox_.WaitForMore(sent, kLook) && !SendOne(sent)) {
      return;
    }
  }
}

// One batch; returns when gRPC has taken it. False: the stream ended.
bool Stream::SendOne(std::uint64_t& sent) {
  const auto batch = outbox_.Batch(sent, kBatchEvents, kBatchBytes - kBatchFraming - kBatchEvents * kEventFraming);
  if (batch.empty()) return true;
  const grpc::Slice slice(EncodeBatch(config_.sensor, config_.epoch, batch));
  {
    std::lock_guard lock(mutex_);
    if (ended_) return false;
    // The deadline for acknowledgements runs from the first event in flight.
    if (sent <= outbox_.Acknowledged()) last_ack_ = std::chrono::steady_clock::now();
    writing_ = true;
    message_ = grpc::ByteBuffer(&slice, 1);
  }
  StartWrite(&message_);
  sent = batch.back().sequence;
  std::unique_lock lock(mutex_);
  while (writing_ && !ended_) {
    changed_.wait_for(lock, kLook);
    // A collector that does not read: flow control holds the write for as long.
    const bool late = std::chrono::steady_clock::now() - last_ack_ > config_.ack_deadline;
    if (stop_ || late) {
      lock.unlock();
      Abort(stop_ ? "the sensor stops" : "no acknowledgement in time");
      return false;
    }
  }
  return !ended_;
}

bool Stream::Ended() {
  std::lock_guard lock(mutex_);
  return ended_;
}

bool Stream::AcksAreLate(std::uint64_t sent) {
  if (sent <= outbox_.Acknowledged()) return false;
  std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() - last_ack_ > config_.ack_deadline;
}

void Stream::Abort(std::string why) {
  {
    std::lock_guard lock(mutex_);
    ended_ = true;
    if (why_.empty()) why_ = std::move(why);
  }
  changed_.notify_all();
  context_.TryCancel();
}

void Stream::OnReadInitialMetadataDone(bool ok) {
  if (ok) *connected_ = true;
}

void Stream::OnReadDone(bool ok) {
  if (!ok) {
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
    return;
  }
  *connected_ = true;
  if (ack_.epoch() != config_.epoch) return Abort("the collector acknowledged another epoch");
  const std::uint64_t before = outbox_.Acknowledged();
  if (!outbox_.Acknowledge(ack_.durable_sequence())) return Abort("the collector acknowledged what it never got");
  if (ack_.durable_sequence() > before) {
    progressed_ = true;
    std::lock_guard lock(mutex_);
    last_ack_ = std::chrono::steady_clock::now();
  }
  StartRead(&ack_);
}

void Stream::OnWriteDone(bool ok) {
  std::lock_guard lock(mutex_);
  writing_ = false;
  if (!ok) ended_ = true;
  changed_.notify_all();
}

void Stream::OnDone(const grpc::Status& status) {
  std::lock_guard lock(mutex_);
  ended_ = true;
  done_ = true;
  if (why_.empty()) {
    why_ = status.ok() ? "the collector ended the stream"
                       : "gRPC status " + std::to_string(status.error_code()) + ": " + status.error_message();
  }
  changed_.notify_all();  // under the lock: Run destroys this object as soon as it sees done_
}

}  // namespace weir::uplink
