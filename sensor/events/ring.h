// SPDX-License-Identifier: Apache-2.0
// Reads a BPF ring buffer (kernel/bpf/ringbuf.c) directly. libbpf's manager is not used because it does not tell the
// producer's position (a Flush needs it) and its consume call has no bound: a job that floods one ring would keep the
// reader from the other.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sensor/base/result.h"

namespace weir::events {

/// The three places that make a ring, wherever they lie. `data` is mapped twice in a row, so that no record is split.
struct RingView {
  std::uint64_t* consumer = nullptr;        ///< written by us
  const std::uint64_t* producer = nullptr;  ///< written by the kernel
  const std::byte* data = nullptr;
  std::uint64_t bytes = 0;  ///< a power of two

  [[nodiscard]] std::uint64_t ProducerPosition() const { return Acquire(producer); }
  [[nodiscard]] std::uint64_t ConsumerPosition() const { return Acquire(consumer); }

  /// Calls `visit(std::span<const std::byte>)` for each record that begins before `until` and is complete, in order;
  /// stops at one that a program is still writing. The span is valid during the call only. One thread at a time.
  template <typename Visit>
  void Consume(std::uint64_t until, Visit&& visit) {
    std::uint64_t at = ConsumerPosition();
    while (at < until) {
      const auto* header = reinterpret_cast<const std::uint32_t*>(data + (at & (bytes - 1)));
      const std::uint32_t word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
      if (word & kBusy) return;
      const std::uint32_t length = word & ~(kBusy | kDiscard);
      // The kernel never writes such a record; if it did, following its length would read past the mapping.
      if (length > bytes - kHeaderBytes) return;
      if (!(word & kDiscard)) visit(std::span(reinterpret_cast<const std::byte*>(header) + kHeaderBytes, length));
      at += (length + kHeaderBytes + 7) & ~std::uint64_t{7};
      __atomic_store_n(consumer, at, __ATOMIC_RELEASE);
    }
  }

 private:
  static constexpr std::uint32_t kBusy = 1u << 31;     // BPF_RINGBUF_BUSY_BIT
  static constexpr std::uint32_t kDiscard = 1u << 30;  // BPF_RINGBUF_DISCARD_BIT
  static constexpr std::uint64_t kHeaderBytes = 8;     // BPF_RINGBUF_HDR_SZ

  static std::uint64_t Acquire(const std::uint64_t* position) { return __atomic_load_n(position, __ATOMIC_ACQUIRE); }
};

/// Owns the mappings of one ring.
class Ring {
 public:
  /// `map_fd` stays the caller's and must stay open for epoll only.
  [[nodiscard]] static Result<Ring> Open(int map_fd);
  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&& other) noexcept;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  [[nodiscard]] RingView& view() { return view_; }
  [[nodiscard]] const RingView& view() const { return view_; }

 private:
  Ring() = default;
  void Unmap();

  RingView view_;
  void* consumer_page_ = nullptr;
  void* producer_pages_ = nullptr;
  std::size_t producer_bytes_ = 0;
};

}  // namespace weir::events
