// SPDX-License-Identifier: Apache-2.0
#include "sensor/uplink/outbox.h"

#include <algorithm>
#include <utility>

namespace weir::uplink {
namespace {

using events::Importance;
using events::Outgoing;

// What one event occupies, its place in the window included.
std::size_t CostOf(const Outgoing& event) { return sizeof(Outgoing) + event.bytes.capacity(); }

// A serialised event is never empty: it has a sequence number.
bool PushedOut(const Outgoing& event) { return event.bytes.empty(); }

}  // namespace

bool Outbox::RoomForPlain(std::size_t bytes) const { return bytes_ + bytes <= bound_bytes_ / 4 * 3; }

// For a critical event: pushes out plain ones, newest first, until it fits.
bool Outbox::MakeRoom(std::size_t bytes) {
  for (std::size_t i = window_.size(); i > 0 && plain_ > 0 && bytes_ + bytes > bound_bytes_; --i) {
    Outgoing& event = window_[i - 1];
    if (event.importance != Importance::kPlain || PushedOut(event)) continue;
    bytes_ -= CostOf(event);
    std::string().swap(event.bytes);  // an assignment could keep the memory
    bytes_ += CostOf(event);
    --plain_;
    --present_;
    ++dropped_;
  }
  return bytes_ + bytes <= bound_bytes_;
}

bool Outbox::Append(Outgoing event) {
  {
    std::lock_guard lock(mutex_);
    const std::size_t cost = CostOf(event);
    const bool fits = event.importance == Importance::kPlain ? RoomForPlain(cost) : MakeRoom(cost);
    if (!fits && event.importance != Importance::kVital) {
      ++dropped_;
      return false;
    }
    bytes_ += cost;
    ++present_;
    if (event.importance == Importance::kPlain) ++plain_;
    window_.push_back(std::move(event));
  }
  changed_.notify_all();
  return true;
}

std::size_t Outbox::IndexAfter(std::uint64_t sequence) const {
  auto at = std::upper_bound(window_.begin(), window_.end(), sequence,
                             [](std::uint64_t value, const Outgoing& event) { return value < event.sequence; });
  while (at != window_.end() && PushedOut(*at)) ++at;
  return static_cast<std::size_t>(at - window_.begin());
}

std::vector<Outgoing> Outbox::Batch(std::uint64_t after, std::size_t max_events, std::size_t max_bytes) {
  std::lock_guard lock(mutex_);
  std::vector<Outgoing> batch;
  std::size_t bytes = 0;
  for (std::size_t i = IndexAfter(after); i < window_.size() && batch.size() < max_events; ++i) {
    const Outgoing& event = window_[i];
    bytes += event.bytes.size();
    const bool follows = batch.empty() || event.sequence == batch.back().sequence + 1;
    if (PushedOut(event) || !follows || (!batch.empty() && bytes > max_bytes)) break;
    batch.push_back(event);
  }
  if (!batch.empty()) given_out_ = std::max(given_out_, batch.back().sequence);
  return batch;
}

bool Outbox::Acknowledge(std::uint64_t sequence) {
  {
    std::lock_guard lock(mutex_);
    if (sequence > given_out_) return false;
    if (sequence <= acknowledged_) return true;
    acknowledged_ = sequence;
    while (!window_.empty() && window_.front().sequence <= sequence) {
      const Outgoing& event = window_.front();
      bytes_ -= CostOf(event);
      if (!PushedOut(event)) {
        --present_;
        if (event.importance == Importance::kPlain) --plain_;
      }
      window_.pop_front();
    }
  }
  changed_.notify_all();
  return true;
}

bool Outbox::WaitForMore(std::uint64_t after, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  const auto more = [&] { return IndexAfter(after) < window_.size(); };
  changed_.wait_for(lock, wait, [&] { return closed_ || more(); });
  return more();
}

bool Outbox::WaitAcknowledged(std::uint64_t sequence, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait, [&] { return closed_ || acknowledged_ >= sequence; });
  return acknowledged_ >= sequence;
}

bool Outbox::WaitForRoom(std::size_t bytes, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  const auto room = [&] { return RoomForPlain(sizeof(Outgoing) + bytes); };
  changed_.wait_for(lock, wait, [&] { return closed_ || room(); });
  return room();
}

void Outbox::Close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::uint64_t Outbox::Acknowledged() const {
  std::lock_guard lock(mutex_);
  return acknowledged_;
}

std::uint64_t Outbox::Dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

std::uint64_t Outbox::Events() const {
  std::lock_guard lock(mutex_);
  return present_;
}

std::size_t Outbox::Bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace weir::uplink
