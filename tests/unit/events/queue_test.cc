// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>

namespace weir::events {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kFlooder = 1;
constexpr std::uint32_t kOther = 2;

Item Plain(std::uint32_t pid, std::uint32_t scope_id = kFlooder) {
  return {Event{0, 0, scope_id, {}, ProcessFork{.pid = pid}}, nullptr};
}
Item Denial(std::uint32_t pid) {
  Flow flow;
  flow.id.verdict = Verdict::kDeny;
  flow.pid = pid;
  return {Event{0, 0, 1, {}, flow}, nullptr};
}
Item Vital() { return {Event{0, 0, 1, {}, JobEnd{}}, nullptr}; }

class Queue : public testing::Test {
 protected:
  void Push(EventQueue& queue, Item item) {
    std::vector<Item> items;
    items.push_back(std::move(item));
    queue.Push(items);
  }
  EventQueue queue_{16, 1u << 20, [this](const Event& event) {
                      drops_.push_back(KindOf(event.body));
                      dropped_of_.push_back(event.scope_id);
                    }};
  std::vector<Kind> drops_;
  std::vector<std::uint32_t> dropped_of_;
};

TEST_F(Queue, KeepsTheOrderOfArrivalAcrossKinds) {
  Push(queue_, Plain(1));
  Push(queue_, Denial(2));
  Push(queue_, Plain(3));
  const auto items = queue_.Pop(10, 0ms);
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(std::get<ProcessFork>(items[0].event.body).pid, 1u);
  EXPECT_EQ(std::get<Flow>(items[1].event.body).pid, 2u);
  EXPECT_EQ(std::get<ProcessFork>(items[2].event.body).pid, 3u);
}

TEST_F(Queue, DropsNewPlainEventsWhenAsManyWouldBeFreeOfThreeQuarters) {
  for (std::uint32_t i = 0; i < 10; ++i) Push(queue_, Plain(i));
  EXPECT_EQ(queue_.Size(), 6u);
  EXPECT_EQ(drops_, std::vector<Kind>(4, Kind::kFork));
}

TEST_F(Queue, DropsNoDenialWhileAPlainEventIsThere) {
  for (std::uint32_t i = 0; i < 6; ++i) Push(queue_, Plain(i));
  for (std::uint32_t i = 0; i < 8; ++i) Push(queue_, Denial(i));
  EXPECT_EQ(drops_, std::vector<Kind>(6, Kind::kFork)) << "each plain one made room";
  Push(queue_, Denial(8));
  EXPECT_EQ(drops_.back(), Kind::kDenial) << "only denials are left";
  EXPECT_EQ(queue_.Size(), 8u);
}

TEST_F(Queue, DropsNothingOfAScopeForAnothersFlood) {
  for (std::uint32_t i = 0; i < 100; ++i) {
    Push(queue_, Plain(i));
    Push(queue_, Denial(i));
  }
  for (std::uint32_t i = 0; i < 2; ++i) Push(queue_, Plain(i, kOther));
  for (std::uint32_t i = 0; i < 100; ++i) Push(queue_, Denial(i));
  EXPECT_EQ(std::count(dropped_of_.begin(), dropped_of_.end(), kOther), 0);
  EXPECT_GT(drops_.size(), 200u);
}

TEST_F(Queue, LetsScopesTakeTurns) {
  EventQueue large{1u << 20, 1u << 30, [](const Event&) {}};
  for (std::uint32_t i = 0; i < 1000; ++i) Push(large, Plain(i));
  Push(large, Plain(7, kOther));
  const auto items = large.Pop(100, 0ms);
  const auto other =
      std::find_if(items.begin(), items.end(), [](const Item& item) { return item.event.scope_id == kOther; });
  ASSERT_NE(other, items.end()) << "it waits for a turn, not for all that was there before";
  EXPECT_LT(std::distance(items.begin(), other), 40);
  std::uint32_t expected = 0;
  for (const Item& item : items) {
    if (item.event.scope_id == kFlooder) {
      EXPECT_EQ(std::get<ProcessFork>(item.event.body).pid, expected++);
    }
  }
}

TEST_F(Queue, IsDrainedScopeByScope) {
  EventQueue large{1u << 20, 1u << 30, [](const Event&) {}};
  for (std::uint32_t i = 0; i < 1000; ++i) Push(large, Plain(i));
  Push(large, Plain(7, kOther));
  EXPECT_FALSE(large.WaitDrained(kOther, 0ms));
  (void)large.Pop(100, 0ms);
  (void)large.Pop(100, 0ms);
  EXPECT_TRUE(large.WaitDrained(kOther, 0ms));
  EXPECT_FALSE(large.WaitDrained(kFlooder, 0ms));
  EXPECT_FALSE(large.WaitDrained(std::nullopt, 0ms));
}

TEST_F(Queue, AlwaysTakesTheEndOfAJob) {
  for (std::uint32_t i = 0; i < 8; ++i) Push(queue_, Denial(i));
  Push(queue_, Vital());
  EXPECT_EQ(queue_.Size(), 9u);
  EXPECT_TRUE(drops_.empty());
}

TEST_F(Queue, IsBoundedByBytesToo) {
  EventQueue small{1000, 8 * sizeof(Event), [this](const Event& event) { drops_.push_back(KindOf(event.body)); }};
  for (std::uint32_t i = 0; i < 5; ++i) Push(small, Plain(i));
  EXPECT_EQ(small.Size(), 3u);
  EXPECT_EQ(drops_.size(), 2u);
}

TEST_F(Queue, TellsTheWaiterOfADroppedEvent) {
  auto promise = std::make_shared<std::promise<Result<std::uint64_t>>>();
  auto future = promise->get_future();
  for (std::uint32_t i = 0; i < 6; ++i) Push(queue_, Plain(i));
  Item item = Plain(9);
  item.waiter = promise;
  Push(queue_, std::move(item));
  ASSERT_EQ(future.wait_for(0ms), std::future_status::ready);
  EXPECT_EQ(future.get().error().code, Code::kExhausted);
}

TEST_F(Queue, IsDrainedOnlyWhenTheBatchIsProcessed) {
  EXPECT_TRUE(queue_.WaitDrained(std::nullopt, 0ms)) << "empty";
  Push(queue_, Plain(1));
  EXPECT_FALSE(queue_.WaitDrained(std::nullopt, 0ms)) << "queued";
  (void)queue_.Pop(10, 0ms);
  EXPECT_FALSE(queue_.WaitDrained(std::nullopt, 0ms)) << "in process";
  Push(queue_, Plain(2));
  (void)queue_.Pop(10, 0ms);
  (void)queue_.Pop(10, 0ms);
  EXPECT_TRUE(queue_.WaitDrained(std::nullopt, 0ms));
}

TEST_F(Queue, IsDrainedThoughTheLastEventWasPushedOut) {
  for (std::uint32_t i = 0; i < 6; ++i) Push(queue_, Plain(i));
  auto drained = std::async(std::launch::async, [&] { return queue_.WaitDrained(std::nullopt, 5s); });
  for (std::uint32_t i = 0; i < 8; ++i) Push(queue_, Denial(i));
  while (!queue_.Pop(100, 10ms).empty()) {
  }
  EXPECT_TRUE(drained.get());
}

TEST_F(Queue, CloseWakesTheConsumer) {
  auto popped = std::async(std::launch::async, [&] { return queue_.Pop(1, 10s).size(); });
  queue_.Close();
  EXPECT_EQ(popped.get(), 0u);
}

}  // namespace
}  // namespace weir::events
