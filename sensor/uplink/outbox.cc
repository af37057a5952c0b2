// SPDX-License-Identifier: Apache-2.0
#include "sensor/uplink/outbox.h"

#include <algorithm>
#include <utility>

#include "sensor/events/share.h"

namespace weir::uplink {
namespace {

using events::Importance;
using events::Outgoing;

// What one event occupies, its place in the window included.
std::size_t CostOf(const Outgoing& event) { return sizeof(Outgoing) + event.bytes.capacity(); }

}  // namespace

bool Outbox::HasRoom(const Outgoing& event) const {
  if (event.importance == Importance::kVital) return true;
  const std::size_t quarters = event.importance == Importance::kPlain ? 3 : 4;
  const auto own = bytes_of_.find(event.scope_id);
  return events::WithinShare(bound_bytes_ / 4 * quarters, bytes_, own == bytes_of_.end() ? 0 : own->second,
                             CostOf(event));
}

void Outbox::Append(Outgoing event) {
  {
    std::lock_guard lock(mutex_);
    const std::size_t cost = CostOf(event);
    bytes_ += cost;
    bytes_of_[event.scope_id] += cost;
    window_.push_back(std::move(event));
  }
  changed_.notify_all();
}

std::size_t Outbox::IndexAfter(std::uint64_t sequence) const {
  if (window_.empty() || sequence < window_.front().sequence) return 0;
  return static_cast<std::size_t>(std::min<std::uint64_t>(sequence - window_.front().sequence + 1, window_.size()));
}

std::vector<Outgoing> Outbox::Batch(std::uint64_t after, std::size_t max_events, std::size_t max_bytes) {
  std::lock_guard lock(mutex_);
  std::vector<Outgoing> batch;
  std::size_t bytes = 0;
  for (std::size_t i = IndexAfter(after); i < window_.size() && batch.size() < max_events; ++i) {
    bytes += window_[i].bytes.size();
    if (!batch.empty() && bytes > max_bytes) break;
    batch.push_back(window_[i]);
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
      const std::size_t cost = CostOf(event);
      bytes_ -= cost;
      const auto own = bytes_of_.find(event.scope_id);
      if ((own->second -= cost) == 0) bytes_of_.erase(own);
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

bool Outbox::WaitForRoom(const Outgoing& event, std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait, [&] { return closed_ || HasRoom(event); });
  return HasRoom(event);
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

std::uint64_t Outbox::Events() const {
  std::lock_guard lock(mutex_);
  return window_.size();
}

std::size_t Outbox::Bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace weir::uplink
