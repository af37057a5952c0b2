// SPDX-License-Identifier: Apache-2.0
// Events between their numbering and the collector's acknowledgement.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "sensor/events/pipeline.h"

namespace weir::uplink {

/// Bounded window, in memory, of numbered events that are not acknowledged yet.
///
/// Each scope has its share of it (sensor/events/share.h): of three quarters for plain events, of all of it for
/// critical ones; vital ones always have room. Whoever appends asks first, before an event has its number: so the
/// sequence has no holes, and who loses by a flood is who made it.
///
/// Any thread may call anything, except that one thread appends; one mutex guards all members.
class Outbox {
 public:
  explicit Outbox(std::size_t bound_bytes) : bound_bytes_(bound_bytes) {}

  /// Is there room for `event`? Waits for it, for Close(), or `wait`. What has room keeps it until it is appended.
  [[nodiscard]] bool WaitForRoom(const events::Outgoing& event, std::chrono::milliseconds wait);

  /// Sequences follow each other by one.
  void Append(events::Outgoing event);

  /// Copies the run of events that begins at the first one above `after`, within both bounds (but at least one event).
  /// Empty: nothing there.
  [[nodiscard]] std::vector<events::Outgoing> Batch(std::uint64_t after, std::size_t max_events, std::size_t max_bytes);

  /// Everything up to and including `sequence` is durable and forgotten. A lower number than before changes nothing; a
  /// higher one than Batch ever gave out is refused (false): a collector that acknowledges what it never got.
  bool Acknowledge(std::uint64_t sequence);

  /// Waits for an event above `after`, Close(), or `wait`. True: there is one.
  bool WaitForMore(std::uint64_t after, std::chrono::milliseconds wait);
  /// Waits until `sequence` is acknowledged, Close(), or `wait`. True: it is.
  bool WaitAcknowledged(std::uint64_t sequence, std::chrono::milliseconds wait);
  /// Wakes all who wait, for good.
  void Close();

  [[nodiscard]] std::uint64_t Acknowledged() const;
  [[nodiscard]] std::uint64_t Events() const;
  [[nodiscard]] std::size_t Bytes() const;

 private:
  [[nodiscard]] std::size_t IndexAfter(std::uint64_t sequence) const;
  [[nodiscard]] bool HasRoom(const events::Outgoing& event) const;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  const std::size_t bound_bytes_;
  std::deque<events::Outgoing> window_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint32_t, std::size_t> bytes_of_;  ///< scopes that have anything in the window
  std::uint64_t given_out_ = 0;                              ///< highest sequence of any Batch
  std::uint64_t acknowledged_ = 0;
  bool closed_ = false;
};

}  // namespace weir::uplink
