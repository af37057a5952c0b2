// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/queue.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "sensor/events/share.h"

namespace weir::events {
namespace {

// What a scope may have handed over before it is the next one's turn.
constexpr std::size_t kTurn = 32;

}  // namespace

EventQueue::EventQueue(std::size_t max_events, std::size_t max_bytes, DropHandler on_drop)
    : max_events_(max_events), max_bytes_(max_bytes), on_drop_(std::move(on_drop)) {}

std::deque<EventQueue::Entry>& EventQueue::Lane::Oldest() {
  const bool from_plain = urgent.empty() || (!plain.empty() && plain.front().ticket < urgent.front().ticket);
  return from_plain ? plain : urgent;
}

std::uint64_t EventQueue::Lane::OldestUnprocessed() const {
  std::uint64_t oldest = in_process.value_or(std::numeric_limits<std::uint64_t>::max());
  if (!plain.empty()) oldest = std::min(oldest, plain.front().ticket);
  if (!urgent.empty()) oldest = std::min(oldest, urgent.front().ticket);
  return oldest;
}

void EventQueue::Push(std::vector<Item>& items) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    // The consumer only sleeps on an empty queue, so later pushes need no wake-up.
    wake = events_ == 0;
    for (Item& item : items) PushOne(std::move(item));
  }
  items.clear();
  if (wake) filled_.notify_one();
}

void EventQueue::PushOne(Item item) {
  const Importance importance = ImportanceOf(item.event.body);
  const std::size_t cost = CostOf(item.event);
  const std::uint32_t scope_id = item.event.scope_id;
  Lane& lane = lanes_[scope_id];
  if (!MakeRoom(lane, importance, cost)) {
    ForgetIfIdle(scope_id, lane);
    return Drop(std::move(item));
  }
  lane.bytes += cost;
  bytes_ += cost;
  ++events_;
  auto& queue = importance == Importance::kPlain ? lane.plain : lane.urgent;
  queue.push_back({next_ticket_++, cost, std::move(item)});
  if (!std::exchange(lane.in_turn, true)) turns_.push_back(scope_id);
}

void EventQueue::ForgetIfIdle(std::uint32_t scope_id, const Lane& lane) {
  if (lane.Size() == 0 && !lane.in_turn && !lane.in_process) lanes_.erase(scope_id);
}

bool EventQueue::MakeRoom(Lane& lane, Importance importance, std::size_t cost) {
  if (importance == Importance::kPlain) return Fits(lane, cost, 3);
  while (!Fits(lane, cost, 4) && !lane.plain.empty()) Drop(Take(lane, lane.plain, /*newest=*/true).item);
  return importance == Importance::kVital || Fits(lane, cost, 4);
}

bool EventQueue::Fits(const Lane& lane, std::size_t cost, std::size_t quarters) const {
  return WithinShare(max_events_ / 4 * quarters, events_, lane.Size(), 1) &&
         WithinShare(max_bytes_ / 4 * quarters, bytes_, lane.bytes, cost);
}

void EventQueue::Drop(Item item) {
  on_drop_(item.event);
  if (item.waiter) item.waiter->set_value(Fail(Code::kExhausted, "the outgoing event queue is full"));
}

EventQueue::Entry EventQueue::Take(Lane& lane, std::deque<Entry>& from, bool newest) {
  Entry entry = std::move(newest ? from.back() : from.front());
  newest ? from.pop_back() : from.pop_front();
  lane.bytes -= entry.cost;
  bytes_ -= entry.cost;
  --events_;
  return entry;
}

// What was popped last is processed.
void EventQueue::FinishBatch() {
  for (const std::uint32_t scope_id : served_) {
    const auto at = lanes_.find(scope_id);
    at->second.in_process.reset();
    ForgetIfIdle(scope_id, at->second);
  }
  served_.clear();
  drained_.notify_all();
}

std::vector<Item> EventQueue::Pop(std::size_t max, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  FinishBatch();
  filled_.wait_for(lock, wait, [&] { return closed_ || events_ > 0; });
  std::vector<Item> items;
  items.reserve(std::min(max, events_));
  while (items.size() < max && !turns_.empty()) {
    const std::uint32_t scope_id = turns_.front();
    turns_.pop_front();
    Lane& lane = lanes_.at(scope_id);
    for (std::size_t i = 0; i < kTurn && items.size() < max && lane.Size() > 0; ++i) {
      Entry entry = Take(lane, lane.Oldest(), /*newest=*/false);
      if (!lane.in_process) {
        lane.in_process = entry.ticket;
        served_.push_back(scope_id);
      }
      items.push_back(std::move(entry.item));
    }
    lane.in_turn = lane.Size() > 0;
    if (lane.in_turn) turns_.push_back(scope_id);
    ForgetIfIdle(scope_id, lane);  // its last event may have been pushed out
  }
  drained_.notify_all();  // under the mutex: who waits looks again when it is free
  return items;
}

bool EventQueue::Drained(std::optional<std::uint32_t> scope_id, std::uint64_t target) const {
  return std::all_of(lanes_.begin(), lanes_.end(), [&](const auto& lane) {
    return (scope_id && lane.first != *scope_id) || lane.second.OldestUnprocessed() >= target;
  });
}

bool EventQueue::WaitDrained(std::optional<std::uint32_t> scope_id, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = next_ticket_;
  return drained_.wait_for(lock, wait, [&] { return Drained(scope_id, target); });
}

bool EventQueue::RoomyLocked(std::uint32_t scope_id) const {
  const auto at = lanes_.find(scope_id);
  if (at == lanes_.end()) return true;
  const Lane& lane = at->second;
  return WithinShare(max_events_ / 4 * 3, events_, lane.Size(), lane.Size()) &&
         WithinShare(max_bytes_ / 4 * 3, bytes_, lane.bytes, lane.bytes);
}

bool EventQueue::WaitRoomy(std::uint32_t scope_id, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return drained_.wait_for(lock, wait, [&] { return closed_ || RoomyLocked(scope_id); });
}

void EventQueue::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  filled_.notify_all();
  drained_.notify_all();
}

bool EventQueue::Closed() const {
  std::lock_guard lock(mutex_);
  return closed_;
}

std::size_t EventQueue::Size() const {
  std::lock_guard lock(mutex_);
  return events_;
}

bool EventQueue::Roomy(std::uint32_t scope_id) const {
  std::lock_guard lock(mutex_);
  return RoomyLocked(scope_id);
}

}  // namespace weir::events
