// SPDX-License-Identifier: Apache-2.0
// Events between their numbering and the collector's acknowledgement.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "sensor/events/pipeline.h"

namespace weir::uplink {

/// Bounded window, in memory, of numbered events that are not acknowledged yet.
///
/// Full: a new plain event is dropped when three quarters are in use; a new critical one pushes out the newest plain
/// ones, and is dropped when there are none; vital ones are always taken. A drop leaves a hole in the sequence (the
/// collector sees it) and is counted.
///
/// Any thread may call anything; one mutex guards all members.
class Outbox {
 public:
  explicit Outbox(std::size_t bound_bytes) : bound_bytes_(bound_bytes) {}

  /// False: dropped. Sequences must ascend.
  bool Append(events::Outgoing event);

  /// Copies the run of events that begins at the first one above `after`: ascending, without a hole, within both bounds
  /// (but at least one event). Empty: nothing there.
  [[nodiscard]] std::vector<events::Outgoing> Batch(std::uint64_t after, std::size_t max_events, std::size_t max_bytes);

  /// Everything up to and including `sequence` is durable and forgotten. A lower number than before changes nothing; a
  /// higher one than Batch ever gave out is refused (false): a collector that acknowledges what it never got.
  bool Acknowledge(std::uint64_t sequence);

  /// Waits for an event above `after`, Close(), or `wait`. True: there is one.
  bool WaitForMore(std::uint64_t after, std::chrono::milliseconds wait);
  /// Waits until `sequence` is acknowledged, Close(), or `wait`. True: it is.
  bool WaitAcknowledged(std::uint64_t sequence, std::chrono::milliseconds wait);
  /// Waits until a plain event of `bytes` would be taken, Close(), or `wait`. True: it would.
  bool WaitForRoom(std::size_t bytes, std::chrono::milliseconds wait);
  /// Wakes all who wait, for good.
  void Close();

  [[nodiscard]] std::uint64_t Acknowledged() const;
  [[nodiscard]] std::uint64_t Dropped() const;
  [[nodiscard]] std::uint64_t Events() const;
  [[nodiscard]] std::size_t Bytes() const;

 private:
  [[nodiscard]] std::size_t IndexAfter(std::uint64_t sequence) const;
  bool MakeRoom(std::size_t bytes);
  [[nodiscard]] bool RoomForPlain(std::size_t bytes) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  const std::size_t bound_bytes_;
  std::deque<events::Outgoing> window_;  ///< ascending; a pushed-out event keeps its place with empty bytes
  std::size_t bytes_ = 0;
  std::size_t plain_ = 0;  ///< plain events that could be pushed out
  std::uint64_t present_ = 0;
  std::uint64_t given_out_ = 0;  ///< highest sequence of any Batch
  std::uint64_t acknowledged_ = 0;
  std::uint64_t dropped_ = 0;
  bool closed_ = false;
};

}  // namespace weir::uplink
