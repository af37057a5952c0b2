// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/queue.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace weir::events {

EventQueue::EventQueue(std::size_t max_events, std::size_t max_bytes, DropHandler on_drop)
    : max_events_(max_events), max_bytes_(max_bytes), on_drop_(std::move(on_drop)) {}

void EventQueue::Push(std::vector<Item>& items) {
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    // The consumer only sleeps on an empty queue, so later pushes need no wake-up.
    wake = plain_.empty() && urgent_.empty();
    for (Item& item : items) PushOne(std::move(item));
  }
  items.clear();
  if (wake) filled_.notify_one();
}

void EventQueue::PushOne(Item item) {
  const Importance importance = ImportanceOf(item.event.body);
  const std::size_t cost = CostOf(item.event);
  if (!MakeRoom(importance, cost)) return Drop(std::move(item));
  bytes_ += cost;
  auto& queue = importance == Importance::kPlain ? plain_ : urgent_;
  queue.push_back({next_ticket_++, cost, std::move(item)});
}

bool EventQueue::MakeRoom(Importance importance, std::size_t cost) {
  if (importance == Importance::kPlain) return Fits(1, cost, 3);
  while (!Fits(1, cost, 4) && !plain_.empty()) {
    bytes_ -= plain_.back().cost;
    Item newest = std::move(plain_.back().item);
    plain_.pop_back();
    Drop(std::move(newest));
  }
  return importance == Importance::kVital || Fits(1, cost, 4);
}

bool EventQueue::Fits(std::size_t events, std::size_t cost, std::size_t quarters) const {
  return plain_.size() + urgent_.size() + events <= max_events_ / 4 * quarters &&
         bytes_ + cost <= max_bytes_ / 4 * quarters;
}

void EventQueue::Drop(Item item) {
  on_drop_(item.event);
  if (item.waiter) item.waiter->set_value(Fail(Code::kExhausted, "the outgoing event queue is full"));
}

EventQueue::Entry EventQueue::TakeOldest() {
  const bool plain = urgent_.empty() || (!plain_.empty() && plain_.front().ticket < urgent_.front().ticket);
  auto& queue = plain ? plain_ : urgent_;
  Entry entry = std::move(queue.front());
  queue.pop_front();
  bytes_ -= entry.cost;
  return entry;
}

std::vector<Item> EventQueue::Pop(std::size_t max, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  in_process_.reset();
  drained_.notify_all();
  filled_.wait_for(lock, wait, [&] { return closed_ || !plain_.empty() || !urgent_.empty(); });
  std::vector<Item> items;
  items.reserve(std::min(max, plain_.size() + urgent_.size()));
  while (items.size() < max && !(plain_.empty() && urgent_.empty())) {
    Entry entry = TakeOldest();
    if (!in_process_) in_process_ = entry.ticket;
    items.push_back(std::move(entry.item));
  }
  drained_.notify_all();  // under the mutex: who waits looks again when it is free
  return items;
}

std::uint64_t EventQueue::OldestUnprocessed() const {
  std::uint64_t oldest = in_process_.value_or(std::numeric_limits<std::uint64_t>::max());
  if (!plain_.empty()) oldest = std::min(oldest, plain_.front().ticket);
  if (!urgent_.empty()) oldest = std::min(oldest, urgent_.front().ticket);
  return oldest;
}

bool EventQueue::WaitDrained(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  const std::uint64_t target = next_ticket_;
  return drained_.wait_for(lock, wait, [&] { return OldestUnprocessed() >= target; });
}

bool EventQueue::WaitRoomy(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return drained_.wait_for(lock, wait, [&] { return closed_ || Fits(0, 0, 2); });
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
  return plain_.size() + urgent_.size();
}

bool EventQueue::Roomy() const {
  std::lock_guard lock(mutex_);
  return Fits(0, 0, 2);
}

}  // namespace weir::events
