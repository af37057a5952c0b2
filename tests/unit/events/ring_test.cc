// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/ring.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

namespace weir::events {
namespace {

constexpr std::uint32_t kBusy = 1u << 31;
constexpr std::uint32_t kDiscard = 1u << 30;

/// A ring in ordinary memory, written as kernel/bpf/ringbuf.c does.
class FakeRing {
 public:
  void Add(const std::string& data, std::uint32_t bits = 0) {
    const auto word = static_cast<std::uint32_t>(data.size()) | bits;
    Write(producer_, &word, sizeof(word));
    Write(producer_ + 8, data.data(), data.size());
    producer_ += (8 + data.size() + 7) & ~std::uint64_t{7};
  }
  void Finish(std::uint64_t at, std::uint32_t length) { Write(at, &length, sizeof(length)); }
  RingView View() { return {&consumer_, &producer_, memory_.data(), kBytes}; }
  std::uint64_t producer() const { return producer_; }
  std::uint64_t consumer() const { return consumer_; }

 private:
  static constexpr std::uint64_t kBytes = 128;
  void Write(std::uint64_t at, const void* data, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      const std::uint64_t place = (at + i) % kBytes;
      memory_[place] = memory_[place + kBytes] = static_cast<const std::byte*>(data)[i];
    }
  }
  alignas(8) std::vector<std::byte> memory_ = std::vector<std::byte>(2 * kBytes);
  std::uint64_t producer_ = 0;
  std::uint64_t consumer_ = 0;
};

std::vector<std::string> ReadAll(FakeRing& ring, std::uint64_t until) {
  std::vector<std::string> records;
  ring.View().Consume(until, [&](std::span<const std::byte> record) {
    records.emplace_back(reinterpret_cast<const char*>(record.data()), record.size());
  });
  return records;
}

TEST(RingView, ReadsRecordsInOrderAcrossTheWrap) {
  FakeRing ring;
  for (int i = 0; i < 50; ++i) {
    const std::string first = "record " + std::to_string(i), second(static_cast<std::size_t>(i % 30), 'x');
    ring.Add(first);
    ring.Add(second);
    EXPECT_EQ(ReadAll(ring, ring.producer()), (std::vector<std::string>{first, second})) << i;
    EXPECT_EQ(ring.consumer(), ring.producer());
  }
}

TEST(RingView, LeavesOutDiscardedRecords) {
  FakeRing ring;
  ring.Add("no", kDiscard);
  ring.Add("yes");
  EXPECT_EQ(ReadAll(ring, ring.producer()), std::vector<std::string>{"yes"});
}

TEST(RingView, WaitsForARecordThatIsBeingWritten) {
  FakeRing ring;
  ring.Add("a");
  const std::uint64_t at = ring.producer();
  ring.Add("bb", kBusy);
  ring.Add("c");
  EXPECT_EQ(ReadAll(ring, ring.producer()), std::vector<std::string>{"a"});
  EXPECT_EQ(ring.consumer(), at);
  ring.Finish(at, 2);
  EXPECT_EQ(ReadAll(ring, ring.producer()), (std::vector<std::string>{"bb", "c"}));
}

TEST(RingView, StopsAtItsBound) {
  FakeRing ring;
  ring.Add("a");
  const std::uint64_t until = ring.producer();
  ring.Add("b");
  EXPECT_EQ(ReadAll(ring, until), std::vector<std::string>{"a"});
}

TEST(RingView, NeverReadsARecordLongerThanTheRing) {
  FakeRing ring;
  ring.Add("a");
  ring.Finish(0, 1000);
  EXPECT_TRUE(ReadAll(ring, ring.producer()).empty());
  EXPECT_EQ(ring.consumer(), 0u);
}

TEST(Ring, RefusesWhatIsNoMap) {
  const auto ring = Ring::Open(0);
  ASSERT_FALSE(ring);
  EXPECT_NE(ring.error().sys_errno, 0);
}

}  // namespace
}  // namespace weir::events
