// SPDX-License-Identifier: Apache-2.0
// weir.v1.EventIngest: takes batches, answers with the last durable sequence.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "collector/ingest/writer.h"
#include "weir/v1/ingest.grpc.pb.h"

namespace weir::ingest {

class StreamReactor;

/// Each stream may have kMaxPendingBatches waiting for the disk; acknowledgements of one epoch are merged. A stream is
/// bound to the sensor that its first batch names. Any fault ends the stream with a status; batches before it are still
/// stored and acknowledged, none behind it is: an acknowledgement vouches for everything that was sent before.
class EventIngestService final : public v1::EventIngest::CallbackService {
 public:
  /// `writer` must outlive the server that runs this service.
  explicit EventIngestService(Writer& writer) : writer_(writer) {}

  /// Ends all streams (UNAVAILABLE) once what they sent is stored and acknowledged, and refuses new ones: sensors hold
  /// theirs open for ever. Before the server is shut down; from any thread.
  void Drain();

  grpc::ServerBidiReactor<v1::EventBatch, v1::EventAck>* Stream(grpc::CallbackServerContext* context) override;

 private:
  friend class StreamReactor;
  Writer& writer_;
  std::mutex mutex_;
  // Guarded by mutex_; those that gRPC still calls.
  std::unordered_map<StreamReactor*, std::shared_ptr<StreamReactor>> streams_;
  bool draining_ = false;  // guarded by mutex_
};

}  // namespace weir::ingest
