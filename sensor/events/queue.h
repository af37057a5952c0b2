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
#include <map>
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

/// Bounded queue, many producers, one consumer. First in, first out within a scope; scopes take turns, so that the
/// flood of one delays nobody else's events.
///
/// Overflow: a scope has its share of both bounds (share.h). A plain event is dropped when its scope's share of three
/// quarters is used up; a critical one pushes out its scope's newest plain one, and is dropped when there is none; a
/// vital one is always taken. Nobody's event is dropped for another scope's. Each drop is told to `on_drop`, on the
/// thread that pushed, while the queue's mutex is held.
///
/// One mutex guards all members.
class EventQueue {
 public:
  using DropHandler = std::function<void(const Event&)>;

  EventQueue(std::size_t max_events, std::size_t max_bytes, DropHandler on_drop);

  /// Moves all of `items` in, in order; leaves it empty.
  void Push(std::vector<Item>& items);

  /// Takes up to `max` items; waits for the first at most `wait`. Empty: none came, or Close(). They count as in
  /// process until the next Pop.
  [[nodiscard]] std::vector<Item> Pop(std::size_t max, std::chrono::milliseconds wait);

  /// Waits until everything of `scope_id` (none: of all) that was pushed before the call has been taken and processed.
  /// False: not within `wait`.
  [[nodiscard]] bool WaitDrained(std::optional<std::uint32_t> scope_id, std::chrono::milliseconds wait);

  /// Waits until the queue is Roomy for the scope, Close(), or `wait`; for producers of much that can wait. False: not
  /// within `wait`.
  bool WaitRoomy(std::uint32_t scope_id, std::chrono::milliseconds wait);

  /// Pop no longer waits. What is queued can still be popped.
  void Close();
  [[nodiscard]] bool Closed() const;

  [[nodiscard]] std::size_t Size() const;
  /// The scope could have as much again in the queue as it has.
  [[nodiscard]] bool Roomy(std::uint32_t scope_id) const;

 private:
  struct Entry {
    std::uint64_t ticket;
    std::size_t cost;
    Item item;
  };
  /// One scope's part of the queue; there while it holds anything, or anything of it is in process.
  struct Lane {
    std::deque<Entry> plain;   ///< apart, so that the newest plain one is found at once
    std::deque<Entry> urgent;  ///< critical and vital
    std::size_t bytes = 0;
    std::optional<std::uint64_t> in_process;  ///< ticket of the first item that was popped last
    bool in_turn = false;                     ///< stands in turns_

    [[nodiscard]] std::size_t Size() const { return plain.size() + urgent.size(); }
    [[nodiscard]] std::deque<Entry>& Oldest();
    [[nodiscard]] std::uint64_t OldestUnprocessed() const;
  };

  void PushOne(Item item);
  bool MakeRoom(Lane& lane, Importance importance, std::size_t cost);
  [[nodiscard]] bool Fits(const Lane& lane, std::size_t cost, std::size_t quarters) const;
  [[nodiscard]] bool RoomyLocked(std::uint32_t scope_id) const;
  [[nodiscard]] bool Drained(std::optional<std::uint32_t> scope_id, std::uint64_t target) const;
  void Drop(Item item);
  Entry Take(Lane& lane, std::deque<Entry>& from, bool newest);
  void FinishBatch();
  void ForgetIfIdle(std::uint32_t scope_id, const Lane& lane);

  const std::size_t max_events_;
  const std::size_t max_bytes_;
  const DropHandler on_drop_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable drained_;  ///< also: more room
  std::map<std::uint32_t, Lane> lanes_;
  std::deque<std::uint32_t> turns_;    ///< whose lanes hold anything, each once; the first is next
  std::vector<std::uint32_t> served_;  ///< scopes of which something is in process
  std::size_t events_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t next_ticket_ = 1;
  bool closed_ = false;
};

}  // namespace weir::events
