// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/service.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "collector/ingest/convert.h"
#include "collector/rpc/limits.h"
#include "collector/rpc/status.h"

namespace weir::ingest {

/// One stream. Callbacks (of gRPC's threads and of the writer's) only change the state and call Pump; Pump alone starts
/// operations, one thread at a time and without the lock, because gRPC may call back from inside them. It finishes the
/// stream only when no batch is pending, and whoever ends a pending batch keeps the lock until Pump has it: so the
/// writer never touches a reactor that is gone.
class StreamReactor final : public grpc::ServerBidiReactor<v1::EventBatch, v1::EventAck> {
 public:
  explicit StreamReactor(EventIngestService& service) : service_(service), writer_(service.writer_) {}

  /// Once gRPC may call back.
  void Begin() { Pump(std::unique_lock(mutex_)); }

  /// From any thread: reads no more, and ends when nothing is pending.
  void Drain() {
    std::unique_lock lock(mutex_);
    End({Code::kUnavailable, 0, "the collector stops; send again later"});
    Pump(std::move(lock));
  }

  void OnReadDone(bool ok) override {
    Result<> taken;
    if (ok) taken = Take();
    std::unique_lock lock(mutex_);
    reading_ = false;
    if (!ok) no_more_ = true;  // the client is done, or gone
    if (!taken) End(taken.error());
    Pump(std::move(lock));
  }

  void OnWriteDone(bool ok) override {
    std::unique_lock lock(mutex_);
    writing_ = false;
    if (!ok) no_more_ = true;
    Pump(std::move(lock));
  }

  void OnDone() override {
    // Destroyed without the lock, or by a Drain that holds it at this moment.
    std::unordered_map<StreamReactor*, std::shared_ptr<StreamReactor>>::node_type self;
    const std::lock_guard lock(service_.mutex_);
    self = service_.streams_.extract(this);
  }

 private:
  enum class Step { kNone, kRead, kWrite, kFinish };

  /// Converts the batch that was read and gives it to the writer.
  Result<> Take() {
    const std::size_t bytes = in_.ByteSizeLong();
    auto batch = ToBatch(in_);
    if (!batch) return tl::unexpected<Error>(std::move(batch).error());
    if (sensor_.empty()) sensor_ = batch->sensor;
    if (batch->sensor != sensor_) return Fail(Code::kInvalid, "batch: sensor: differs from the stream's first batch");
    const std::uint64_t epoch = batch->epoch;
    {
      const std::lock_guard lock(mutex_);
      // The stream failed or drains, and Finish may have been called: from here on nothing may become pending. The
      // batch is not acknowledged, so its sensor sends it again.
      if (no_more_) return {};
      ++pending_;
    }
    auto submitted = writer_.Submit(std::move(*batch), bytes,
                                    [this, epoch](Result<store::Appended> outcome) { Stored(epoch, outcome); });
    if (!submitted) {
      const std::lock_guard lock(mutex_);
      --pending_;
    }
    return submitted;
  }

  void Stored(std::uint64_t epoch, const Result<store::Appended>& outcome) {
    std::unique_lock lock(mutex_);
    --pending_;
    if (!outcome) {
      failed_ = true;
      End(outcome.error());
    } else if (!failed_) {
      // Behind a batch that was not stored nothing is acknowledged, or its sensor would take it for stored too.
      if (acks_.empty() || acks_.back().epoch() != epoch) acks_.emplace_back().set_epoch(epoch);
      acks_.back().set_durable_sequence(outcome->durable_sequence);
    }
    Pump(std::move(lock));
  }

  /// With the lock. The first reason stays.
  void End(const Error& error) {
    no_more_ = true;
    if (status_.ok()) status_ = rpc::ToStatus(error);
  }

  /// With the lock: what to start now, marked as started.
  Step Next() {
    if (!acks_.empty() && !writing_) {
      out_ = std::move(acks_.front());
      acks_.pop_front();
      writing_ = true;
      return Step::kWrite;
    }
    // Acknowledgements of many epochs that nobody reads hold back reading, too.
    if (!no_more_ && !reading_ && pending_ + static_cast<int>(acks_.size()) < rpc::kMaxPendingBatches) {
      reading_ = true;
      return Step::kRead;
    }
    // A read may still be open when the stream fails: Finish ends it.
    if (no_more_ && pending_ == 0 && !writing_) return Step::kFinish;
    return Step::kNone;
  }

  void Pump(std::unique_lock<std::mutex> lock) {
    again_ = true;
    if (pumping_) return;  // the thread that is in here looks again; after Finish nothing is left to do
    pumping_ = true;
    while (std::exchange(again_, false)) {
      const Step step = Next();
      if (step == Step::kNone) continue;
      again_ = true;
      const grpc::Status status = status_;
      lock.unlock();
      switch (step) {
        case Step::kRead: StartRead(&in_); break;
        case Step::kWrite: StartWrite(&out_); break;
        case Step::kFinish: Finish(status); return;  // *this may be gone now
        case Step::kNone: break;
      }
      lock.lock();
    }
    pumping_ = false;
  }

  EventIngestService& service_;
  Writer& writer_;
  v1::EventBatch in_;   // of the open read; OnReadDone and Pump take turns
  v1::EventAck out_;    // of the open write
  std::string sensor_;  // only in OnReadDone
  std::mutex mutex_;    // guards all below
  std::deque<v1::EventAck> acks_;
  grpc::Status status_;
  int pending_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool no_more_ = false;
  bool failed_ = false;  // a batch was not stored
  bool pumping_ = false;
  bool again_ = false;
};

grpc::ServerBidiReactor<v1::EventBatch, v1::EventAck>* EventIngestService::Stream(grpc::CallbackServerContext*) {
  const auto stream = std::make_shared<StreamReactor>(*this);
  bool draining = false;
  {
    const std::lock_guard lock(mutex_);
    streams_.emplace(stream.get(), stream);
    draining = draining_;
  }
  draining ? stream->Drain() : stream->Begin();
  return stream.get();
}

void EventIngestService::Drain() {
  std::vector<std::shared_ptr<StreamReactor>> streams;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (const auto& [key, stream] : streams_) streams.push_back(stream);
  }
  // Without the lock: gRPC may call OnDone from inside.
  for (const auto& stream : streams) stream->Drain();
}

}  // namespace weir::ingest
