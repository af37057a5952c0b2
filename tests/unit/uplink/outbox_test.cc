// SPDX-License-Identifier: Apache-2.0
#include "sensor/uplink/outbox.h"

#include <gtest/gtest.h>

#include <future>

namespace weir::uplink {
namespace {

using namespace std::chrono_literals;
using events::Importance;
using events::Outgoing;

constexpr std::size_t kEventBytes = 1000;
constexpr std::size_t kCost = sizeof(Outgoing) + kEventBytes;

Outgoing Make(std::uint64_t sequence, Importance importance = Importance::kPlain, std::uint32_t scope_id = 1) {
  std::string bytes(kEventBytes, 'x');
  bytes.shrink_to_fit();
  return {sequence, importance, std::move(bytes), scope_id};
}

/// As the pipeline does it: asks first. False: there was no room.
bool Offer(Outbox& outbox, Outgoing event) {
  if (!outbox.WaitForRoom(event, 0ms)) return false;
  outbox.Append(std::move(event));
  return true;
}

std::vector<std::uint64_t> Sequences(const std::vector<Outgoing>& events) {
  std::vector<std::uint64_t> sequences;
  for (const Outgoing& event : events) sequences.push_back(event.sequence);
  return sequences;
}

TEST(Outbox, GivesWhatIsNotAcknowledged) {
  Outbox outbox(1u << 20);
  for (std::uint64_t i = 1; i <= 5; ++i) outbox.Append(Make(i));
  EXPECT_EQ(Sequences(outbox.Batch(0, 3, 1u << 20)), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(Sequences(outbox.Batch(3, 3, 1u << 20)), (std::vector<std::uint64_t>{4, 5}));
  EXPECT_TRUE(outbox.Acknowledge(2));
  EXPECT_EQ(Sequences(outbox.Batch(0, 9, 1u << 20)), (std::vector<std::uint64_t>{3, 4, 5}));
  EXPECT_EQ(outbox.Events(), 3u);
  EXPECT_TRUE(outbox.Acknowledge(5));
  EXPECT_EQ(outbox.Bytes(), 0u);
}

TEST(Outbox, BoundsABatchByBytesButGivesAtLeastOneEvent) {
  Outbox outbox(1u << 20);
  for (std::uint64_t i = 1; i <= 5; ++i) outbox.Append(Make(i));
  EXPECT_EQ(outbox.Batch(0, 100, 2 * kEventBytes).size(), 2u);
  EXPECT_EQ(outbox.Batch(0, 100, 1).size(), 1u);
}

TEST(Outbox, TakesLateAndRepeatedAcknowledgementsAndRefusesForeignOnes) {
  Outbox outbox(1u << 20);
  for (std::uint64_t i = 1; i <= 4; ++i) outbox.Append(Make(i));
  EXPECT_FALSE(outbox.Acknowledge(1)) << "nothing was sent";
  EXPECT_EQ(outbox.Batch(0, 3, 1u << 20).size(), 3u);
  EXPECT_TRUE(outbox.Acknowledge(2));
  EXPECT_TRUE(outbox.Acknowledge(1)) << "late";
  EXPECT_EQ(outbox.Acknowledged(), 2u);
  EXPECT_FALSE(outbox.Acknowledge(4)) << "here, but never sent";
  EXPECT_FALSE(outbox.Acknowledge(5)) << "never there";
  EXPECT_EQ(outbox.Events(), 2u);
}

TEST(Outbox, HasRoomForPlainEventsUpToAScopesShareOfThreeQuarters) {
  Outbox outbox(16 * kCost);
  for (std::uint64_t i = 1; i <= 6; ++i) EXPECT_TRUE(Offer(outbox, Make(i))) << i;
  EXPECT_FALSE(Offer(outbox, Make(7)));
  EXPECT_TRUE(Offer(outbox, Make(7, Importance::kCritical))) << "the last quarter is for these";
  EXPECT_TRUE(Offer(outbox, Make(8, Importance::kCritical)));
  EXPECT_FALSE(Offer(outbox, Make(9, Importance::kCritical)));
  EXPECT_TRUE(Offer(outbox, Make(9, Importance::kVital)));
  EXPECT_EQ(outbox.Batch(0, 100, 1u << 20).size(), 9u);
  EXPECT_TRUE(outbox.Acknowledge(9));
  EXPECT_EQ(outbox.Bytes(), 0u);
  EXPECT_TRUE(Offer(outbox, Make(10))) << "there is room again";
}

TEST(Outbox, HasRoomForAScopeWhateverAnotherHolds) {
  Outbox outbox(16 * kCost);
  std::uint64_t sequence = 1;
  while (Offer(outbox, Make(sequence))) ++sequence;
  while (Offer(outbox, Make(sequence, Importance::kCritical))) ++sequence;
  EXPECT_TRUE(Offer(outbox, Make(sequence, Importance::kPlain, 2)));
  EXPECT_TRUE(Offer(outbox, Make(sequence + 1, Importance::kCritical, 2)));
}

TEST(Outbox, WaitsEndWithWhatTheyWaitForAndWithClose) {
  Outbox outbox(1u << 20);
  EXPECT_FALSE(outbox.WaitForMore(0, 1ms));
  auto more = std::async(std::launch::async, [&] { return outbox.WaitForMore(0, 10s); });
  outbox.Append(Make(1));
  EXPECT_TRUE(more.get());
  auto acknowledged = std::async(std::launch::async, [&] { return outbox.WaitAcknowledged(1, 10s); });
  EXPECT_EQ(outbox.Batch(0, 1, 1u << 20).size(), 1u);
  outbox.Acknowledge(1);
  EXPECT_TRUE(acknowledged.get());
  auto never = std::async(std::launch::async, [&] { return outbox.WaitAcknowledged(99, 10s); });
  outbox.Close();
  EXPECT_FALSE(never.get());
}

TEST(Outbox, TellsWhenThereIsRoom) {
  Outbox outbox(16 * kCost);
  for (std::uint64_t i = 1; i <= 6; ++i) outbox.Append(Make(i));
  const Outgoing next = Make(7);
  EXPECT_FALSE(outbox.WaitForRoom(next, 1ms));
  auto room = std::async(std::launch::async, [&] { return outbox.WaitForRoom(next, 10s); });
  EXPECT_EQ(outbox.Batch(0, 1, 1u << 20).size(), 1u);
  outbox.Acknowledge(1);
  EXPECT_TRUE(room.get());
}

}  // namespace
}  // namespace weir::uplink
