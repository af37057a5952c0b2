// SPDX-License-Identifier: Apache-2.0
// Carries numbered events to a collector over gRPC (EventIngest.Stream) and waits for its word that they are durable.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "sensor/base/result.h"
#include "sensor/events/pipeline.h"

namespace grpc {
class Channel;
}

namespace weir::uplink {

/// Bounds of one EventBatch (proto/weir/v1/ingest.proto).
inline constexpr std::size_t kBatchEvents = 8192;
inline constexpr std::size_t kBatchBytes = 4u << 20;

struct UplinkConfig {
  std::string sensor;                             ///< name of this sensor, 1–253 bytes
  std::uint64_t epoch = 0;                        ///< one life of the sequence numbers; not 0
  std::size_t window_bytes = 32u << 20;           ///< retained until acknowledged; more is not admitted
  std::size_t in_flight_events = 65536;           ///< sent and not acknowledged, at most
  std::chrono::milliseconds ack_deadline{15000};  ///< without progress while events are in flight: reconnect
  std::chrono::milliseconds backoff_first{100};
  std::chrono::milliseconds backoff_max{10000};
  std::chrono::milliseconds backpressure{1000};  ///< how long Admit waits while the collector acknowledges
};

struct UplinkStatus {
  bool connected = false;
  std::uint64_t acknowledged = 0;  ///< durable up to this sequence
  std::uint64_t waiting = 0;       ///< events not acknowledged yet
  std::uint64_t reconnects = 0;    ///< streams begun after the first
  std::string last_error;          ///< of the last stream that ended; empty: none
};

/// Owner of the sending thread. Reconnects for ever, with jittered, doubling pauses; after each reconnect everything
/// that was not acknowledged is sent again (the collector is idempotent by sensor, epoch and sequence).
///
/// Threads: Admit and Append from one thread (the pipeline's writer); the rest from any.
class Uplink {
 public:
  /// `channel`: any, also of a unix socket or in process. Does not wait for the collector.
  [[nodiscard]] static Result<std::unique_ptr<Uplink>> Create(const UplinkConfig& config,
                                                              std::shared_ptr<grpc::Channel> channel);
  ~Uplink();  ///< cancels the stream; what is not acknowledged is lost with the process
  Uplink(const Uplink&) = delete;
  Uplink& operator=(const Uplink&) = delete;

  /// Has the window room for `event` (outbox.h)? Waits for it at most `backpressure`, and only while the collector
  /// makes progress. False: the event is to be dropped, and counted, by the caller.
  [[nodiscard]] bool Admit(const events::Outgoing& event);
  /// Takes an event that was admitted.
  void Append(events::Outgoing event);

  /// Waits until everything up to `sequence` is durable. kUnavailable after `deadline`.
  [[nodiscard]] Result<> WaitDurable(std::uint64_t sequence, std::chrono::milliseconds deadline);

  [[nodiscard]] UplinkStatus Status() const;

 private:
  struct Parts;
  explicit Uplink(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::uplink
