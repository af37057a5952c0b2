// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/service.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "collector/ingest/convert.h"
#include "collector/rpc/limits.h"
#include "collector/rpc/status.h"

namespace weir::ingest {
namespace {

/// One stream. Callbacks (of gRPC's threads and of the writer's) only change the state and call Pump; Pump alone starts
/// operations, one thread at a time and without the lock, because gRPC may call back from inside them. It finishes the
/// stream only when no batch is pending, and whoever ends a pending batch keeps the lock until Pump has it: so the
/// writer never touches a reactor that is gone.
class StreamReactor final : public grpc::ServerBidiReactor<v1::EventBatch, v1::EventAck> {
 public:
  explicit StreamReactor(Writer& writer) : writer_(writer) { Pump(std::unique_lock(mutex_)); }

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

  void OnDone() override { delete this; }

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
      End(outcome.error());
    } else {
      next_ack_.emplace();
      next_ack_->set_epoch(epoch);
      next_ack_->set_durable_sequence(outcome->durable_sequence);
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
    if (next_ack_ && !writing_) {
      out_ = std::move(*next_ack_);
      next_ack_.reset();
      writing_ = true;
      return Step::kWrite;
    }
    if (!no_more_ && !reading_ && pending_ < rpc::kMaxPendingBatches) {
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

  Writer& writer_;
  v1::EventBatch in_;   // of the open read; OnReadDone and Pump take turns
  v1::EventAck out_;    // of the open write
  std::string sensor_;  // only in OnReadDone
  std::mutex mutex_;    // guards all below
  std::optional<v1::EventAck> next_ack_;
  grpc::Status status_;
  int pending_ = 0;
  bool reading_ = false;
  bool writing_ = false;
  bool no_more_ = false;
  bool pumping_ = false;
  bool again_ = false;
};

}  // namespace

grpc::ServerBidiReactor<v1::EventBatch, v1::EventAck>* EventIngestService::Stream(grpc::CallbackServerContext*) {
  return new StreamReactor(writer_);
}

}  // namespace weir::ingest
