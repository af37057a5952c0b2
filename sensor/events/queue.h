// SPDX-License-Identifier: Apache-2.0
// Between the ring's reader and the writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "sensor/base/result.h"
#include "sensor/events/event.h"

namespace weir::events {

/// An event and whoever waits for its sequence number (may be nobody).
struct Item {
  Event event;
  std::shared_ptr<std::promise<Result<std::uint64_t>>> waiter;
};

/// Bounded first-in-first-out queue, many producers, one consumer.
///
/// Overflow: a plain event is dropped when three quarters of a bound are in use; a critical one pushes out the newest
/// plain one, and is dropped when there is none; a vital one is always taken. Each drop is told to `on_drop`, on the
/// thread that pushed, while the queue's mutex is held.
///
/// One mutex guards all members.
class EventQueue {
 public:
  using DropHandler = std::function<void(const Event&)>;

  EventQueue(std::size_t max_events, std::size_t max_bytes, DropHandler on_drop);

  /// Moves all of `items` in, in order; leaves it empty.
  void Push(std::vector<Item>& items);

  /// Takes up to `max` items, oldest first; waits for the first at most `wait`. Empty: none came, or Close(). They
  /// count as in process until the next Pop.
  [[nodiscard]] std::vector<Item> Pop(std::size_t max, std::chrono::milliseconds wait);

  /// Waits until everything that was pushed before the call has been taken and processed. False: not within `wait`.
  [[nodiscard]] bool WaitDrained(std::chrono::milliseconds wait);

  /// Waits until the queue is Roomy, Close(), or `wait`; for producers of much that can wait. False: not within `wait`.
  bool WaitRoomy(std::chrono::milliseconds wait);

  /// Pop no longer waits. What is queued can still be popped.
  void Close();
  [[nodiscard]] bool Closed() const;

  [[nodiscard]] std::size_t Size() const;
  /// Less than half of both bounds in use.
  [[nodiscard]] bool Roomy() const;

 private:
  struct Entry {
    std::uint64_t ticket;
    std::size_t cost;
    Item item;
  };

  void PushOne(Item item);
  bool MakeRoom(Importance importance, std::size_t cost);
  [[nodiscard]] bool Fits(std::size_t events, std::size_t cost, std::size_t quarters) const;
  void Drop(Item item);
  Entry TakeOldest();
  [[nodiscard]] std::uint64_t OldestUnprocessed() const;

  const std::size_t max_events_;
  const std::size_t max_bytes_;
  const DropHandler on_drop_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable drained_;  ///< also: more room
  std::deque<Entry> plain_;          ///< apart, so that the newest plain one is found at once
  std::deque<Entry> urgent_;         ///< critical and vital
  std::size_t bytes_ = 0;
  std::uint64_t next_ticket_ = 1;
  std::optional<std::uint64_t> in_process_;  ///< ticket of the first item that was popped last
  bool closed_ = false;
};

}  // namespace weir::events
