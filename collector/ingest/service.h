// SPDX-License-Identifier: Apache-2.0
// weir.v1.EventIngest: takes batches, answers with the last durable sequence.
#pragma once

#include "collector/ingest/writer.h"
#include "weir/v1/ingest.grpc.pb.h"

namespace weir::ingest {

/// Each stream may have kMaxPendingBatches waiting for the disk; acknowledgements are merged, so a slow reader of them
/// holds back nothing. A stream is bound to the sensor that its first batch names. Any fault ends the stream with a
/// status; batches before it are still stored and acknowledged.
class EventIngestService final : public v1::EventIngest::CallbackService {
 public:
  /// `writer` must outlive the server that runs this service.
  explicit EventIngestService(Writer& writer) : writer_(writer) {}

  grpc::ServerBidiReactor<v1::EventBatch, v1::EventAck>* Stream(grpc::CallbackServerContext* context) override;

 private:
  Writer& writer_;
};

}  // namespace weir::ingest
