// SPDX-License-Identifier: Apache-2.0
// One EventIngest.Stream call from begin to end.
#pragma once

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "sensor/uplink/outbox.h"
#include "sensor/uplink/uplink.h"
#include "weir/v1/ingest.pb.h"

namespace weir::uplink {

/// Batches leave as bytes, so that no event is serialised twice.
///
/// Threads: Run on one; gRPC calls the On… functions on its own. `mutex_` guards what both touch.
class Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, v1::EventAck> {
 public:
  Stream(const UplinkConfig& config, Outbox& outbox, std::atomic<bool>& stop);

  /// Sends what the outbox holds and gets until the call ends, `stop` is set, or acknowledgements stay away.
  /// `connected` is set when the collector has answered anything. Returns why it ended.
  [[nodiscard]] std::string Run(const std::shared_ptr<grpc::Channel>& channel, std::atomic<bool>& connected);

  /// The collector made something durable on this stream.
  [[nodiscard]] bool progressed() const { return progressed_.load(); }

  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  void Send();
  [[nodiscard]] bool SendOne(std::uint64_t& sent);
  [[nodiscard]] bool Ended();
  [[nodiscard]] bool AcksAreLate(std::uint64_t sent);
  void Abort(std::string why);

  const UplinkConfig& config_;
  Outbox& outbox_;
  std::atomic<bool>& stop_;
  std::atomic<bool>* connected_ = nullptr;
  grpc::ClientContext context_;
  v1::EventAck ack_;
  grpc::ByteBuffer message_;
  std::atomic<bool> progressed_{false};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool writing_ = false;
  bool ended_ = false;  ///< no more writes; OnDone comes or has come
  bool done_ = false;
  std::string why_;
  std::chrono::steady_clock::time_point last_ack_;
};

}  // namespace weir::uplink
