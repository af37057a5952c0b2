// SPDX-License-Identifier: Apache-2.0
// The pipeline without rings: what user space submits. Rings are tests/kernel/forwarder and the sensor's own tests.
#include "sensor/events/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <mutex>

#include "bpf/abi.h"
#include "sensor/events/digest.h"
#include "weir/v1/event.pb.h"

namespace weir::events {
namespace {

using namespace std::chrono_literals;

class Pipeline : public testing::Test {
 protected:
  std::unique_ptr<EventPipeline> Make(PipelineConfig config = {}, FlowSource flows = nullptr) {
    auto pipeline = EventPipeline::Create(config, std::move(flows), [this](Outgoing event) {
      std::unique_lock hold(gate_);
      std::lock_guard lock(mutex_);
      got_.push_back(std::move(event));
    });
    EXPECT_TRUE(pipeline) << pipeline.error().what;
    return *std::move(pipeline);
  }
  std::vector<v1::Event> Got() {
    std::lock_guard lock(mutex_);
    std::vector<v1::Event> events;
    for (const Outgoing& outgoing : got_) {
      EXPECT_TRUE(events.emplace_back().ParseFromString(outgoing.bytes));
      EXPECT_EQ(events.back().sequence(), outgoing.sequence);
    }
    return events;
  }

  std::mutex gate_;  ///< held: the sink is slow
  std::mutex mutex_;
  std::vector<Outgoing> got_;
};

TEST_F(Pipeline, NumbersEventsWithoutHoles) {
  auto pipeline = Make();
  pipeline->AddJob(1, {"job-1", {}});
  for (std::uint32_t pid = 0; pid < 1000; ++pid) pipeline->Submit(1, ProcessFork{.pid = pid});
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  const auto events = Got();
  ASSERT_EQ(events.size(), 1000u);
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), i + 1);
    EXPECT_EQ(events[i].fork().pid(), i);
    EXPECT_EQ(events[i].job_id(), "job-1");
  }
  EXPECT_EQ(pipeline->Tally(1).handed_on, 1000u);
  EXPECT_EQ(pipeline->Status().last_sequence, 1000u);
}

TEST_F(Pipeline, TellsTheSequenceOfAnEventThatIsWaitedFor) {
  auto pipeline = Make();
  pipeline->AddJob(1, {"job-1", {}});
  EXPECT_EQ(pipeline->SubmitAndWait(1, JobBegin{}, 5s), 1u);
  EXPECT_EQ(pipeline->SubmitAndWait(1, JobEnd{}, 5s), 2u);
  const auto unknown = pipeline->SubmitAndWait(99, JobEnd{}, 5s);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  EXPECT_EQ(pipeline->Status().unowned, 1u);
}

TEST_F(Pipeline, DigestsEachJobsOwnStream) {
  auto pipeline = Make();
  pipeline->AddJob(1, {"job-1", {}});
  pipeline->AddJob(2, {"job-2", {}});
  const std::string empty = pipeline->Digest(1).sha256_hex;
  pipeline->Submit(1, ProcessFork{.pid = 1});
  pipeline->Submit(2, ProcessFork{.pid = 2});
  pipeline->Submit(1, ProcessFork{.pid = 3});
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  RecordDigest expected;
  std::vector<std::uint64_t> sequences;
  for (const Outgoing& outgoing : got_) {
    v1::Event event;
    ASSERT_TRUE(event.ParseFromString(outgoing.bytes));
    if (event.job_id() != "job-1") continue;
    expected.Add(outgoing.bytes);
    sequences.push_back(event.sequence());
  }
  ASSERT_EQ(sequences.size(), 2u);
  const StreamDigest digest = pipeline->Digest(1);
  EXPECT_EQ(digest.sha256_hex, expected.Hex());
  EXPECT_EQ(digest.events, 2u);
  EXPECT_EQ(digest.first_sequence, sequences.front());
  EXPECT_EQ(digest.last_sequence, sequences.back());
  EXPECT_NE(digest.sha256_hex, empty);
  EXPECT_NE(digest.sha256_hex, pipeline->Digest(2).sha256_hex);
}

TEST_F(Pipeline, CountsAndReportsWhatAFullQueueDropped) {
  PipelineConfig config;
  config.queue_events = 64;
  auto pipeline = Make(config);
  pipeline->AddJob(1, {"job-1", {}});
  {
    std::lock_guard slow(gate_);
    for (std::uint32_t pid = 0; pid < 1000; ++pid) pipeline->Submit(1, ProcessFork{.pid = pid});
    for (std::uint32_t i = 0; i < 10; ++i) pipeline->Submit(1, Finding{"leftover", "", 0, i, {}});
    pipeline->Submit(1, JobEnd{});
  }
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  const auto tally = pipeline->Tally(1);
  std::uint64_t forks = 0, findings = 0, ends = 0, lost = 0;
  for (const auto& event : Got()) {
    forks += event.has_fork();
    findings += event.has_finding();
    ends += event.has_job_end();
    if (event.has_gap()) {
      EXPECT_EQ(event.gap().reason(), "queue-full");
      EXPECT_EQ(event.job_id(), "job-1");
      EXPECT_LE(event.gap().from_ns(), event.gap().until_ns());
      lost += event.gap().lost().at("fork");
    }
  }
  EXPECT_EQ(findings, 10u);
  EXPECT_EQ(ends, 1u);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(forks + lost, 1000u) << "every fork is there or counted";
  EXPECT_THAT(tally.dropped, testing::ElementsAre(testing::Pair("fork", lost)));
  EXPECT_EQ(pipeline->Status().dropped, lost);
}

TEST_F(Pipeline, NumbersOnlyWhatIsAdmittedAndCountsTheRestAsUndelivered) {
  std::atomic<bool> full{true};
  auto pipeline = *EventPipeline::Create(
      {}, nullptr,
      [this](Outgoing event) {
        std::lock_guard lock(mutex_);
        got_.push_back(std::move(event));
      },
      [&](const Outgoing& event) { return !full || event.scope_id != 1; });
  pipeline->AddJob(1, {"job-1", {}});
  pipeline->AddJob(2, {"job-2", {}});
  for (std::uint32_t pid = 0; pid < 10; ++pid) {
    pipeline->Submit(1, ProcessFork{.pid = pid});
    pipeline->Submit(2, ProcessFork{.pid = pid});
  }
  const auto refused = pipeline->SubmitAndWait(1, Finding{}, 5s);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  full = false;
  pipeline->Submit(1, ProcessFork{.pid = 10});
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  std::uint64_t lost = 0;
  const auto events = Got();
  ASSERT_EQ(events.size(), 12u) << "ten of the one, one and a gap of the other";
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].sequence(), i + 1) << "no holes";
    if (!events[i].has_gap()) continue;
    EXPECT_EQ(events[i].gap().reason(), "uplink-full");
    EXPECT_EQ(events[i].job_id(), "job-1");
    for (const auto& [kind, count] : events[i].gap().lost()) lost += count;
  }
  EXPECT_EQ(lost, 11u);
  EXPECT_THAT(pipeline->Tally(1).undelivered,
              testing::ElementsAre(testing::Pair("finding", 1), testing::Pair("fork", 10)));
  EXPECT_TRUE(pipeline->Tally(2).undelivered.empty());
  EXPECT_EQ(pipeline->Digest(1).events, 2u);
}

TEST_F(Pipeline, FlushGivesUpAtItsDeadline) {
  auto pipeline = Make();
  pipeline->AddJob(1, {"job-1", {}});
  std::lock_guard slow(gate_);
  pipeline->Submit(1, JobBegin{});
  const auto flushed = pipeline->Flush(std::nullopt, 20ms);
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().code, Code::kUnavailable);
  EXPECT_FALSE(pipeline->SubmitAndWait(1, JobEnd{}, 20ms));
}

TEST_F(Pipeline, SubmitsTheTotalsThatChanged) {
  std::vector<std::pair<weir_flow_key, weir_flow>> table;
  const auto add = [&](std::uint32_t scope_id, std::uint8_t hook, std::uint64_t last_ns) {
    weir_flow_key key{};
    key.scope_id = scope_id;
    key.step = 4;
    key.hook = hook;
    key.verdict = WEIR_ALLOW;
    key.addr[15] = 1;
    weir_flow flow{};
    flow.first_ns = 1;
    flow.last_ns = last_ns;
    flow.count = 3;
    flow.bytes_out = 10;
    table.emplace_back(key, flow);
  };
  add(1, WEIR_HOOK_CONNECT, 1);
  add(1, WEIR_HOOK_DNS, 1);
  add(1, WEIR_HOOK_FINDING, 1);
  add(2, WEIR_HOOK_SENDMSG, 1);
  auto pipeline = Make({}, [&](const FlowVisitor& visit) -> Result<> {
    for (const auto& [key, flow] : table) visit(key, flow);
    return {};
  });
  pipeline->AddJob(1, {"job-1", {}});
  pipeline->AddJob(2, {"job-2", {}});
  EXPECT_EQ(pipeline->SubmitFlowTotals(std::nullopt), 2u) << "a DNS flow has no address, and a finding is no flow";
  EXPECT_EQ(pipeline->SubmitFlowTotals(std::nullopt), 0u) << "nothing has changed";
  table[0].second.last_ns = UINT64_MAX / 2;
  EXPECT_EQ(pipeline->SubmitFlowTotals(std::nullopt), 1u);
  EXPECT_EQ(pipeline->SubmitFlowTotals(2), 1u) << "all of a job that ends";
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  const auto events = Got();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[0].flow_totals().count(), 3u);
  EXPECT_EQ(events[0].flow_totals().bytes_out(), 10u);
  EXPECT_EQ(events[0].flow_totals().id().address(), "::1");
  EXPECT_EQ(events[0].step(), 4u);
}

TEST_F(Pipeline, LosesNoTotalsOfMoreFlowsThanTheQueueHolds) {
  constexpr std::uint32_t kFlows = 65536;
  auto pipeline = Make({}, [&](const FlowVisitor& visit) -> Result<> {
    weir_flow_key key{};
    key.scope_id = 1;
    key.hook = WEIR_HOOK_CONNECT;
    key.verdict = WEIR_ALLOW;
    for (std::uint32_t i = 0; i < kFlows; ++i) {
      std::memcpy(key.addr, &i, sizeof(i));
      visit(key, weir_flow{});
    }
    return {};
  });
  pipeline->AddJob(1, {"job-1", {}});
  EXPECT_EQ(pipeline->SubmitFlowTotals(1), kFlows);
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 20s));
  EXPECT_TRUE(pipeline->Tally(1).dropped.empty());
  EXPECT_EQ(pipeline->Tally(1).handed_on, kFlows);
}

TEST_F(Pipeline, HandsOnWhatIsQueuedWhenItEnds) {
  {
    auto pipeline = Make();
    pipeline->AddJob(1, {"job-1", {}});
    for (std::uint32_t pid = 0; pid < 500; ++pid) pipeline->Submit(1, ProcessFork{.pid = pid});
  }
  EXPECT_EQ(Got().size(), 500u);
}

TEST_F(Pipeline, IgnoresWhatComesAfterAJobWasRemoved) {
  auto pipeline = Make();
  pipeline->AddJob(1, {"job-1", {}});
  pipeline->RemoveJob(1);
  pipeline->Submit(1, ProcessFork{});
  pipeline->Submit(0, Heartbeat{});
  ASSERT_TRUE(pipeline->Flush(std::nullopt, 5s));
  const auto events = Got();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_TRUE(events[0].has_heartbeat());
  EXPECT_EQ(events[0].job_id(), "");
  EXPECT_EQ(pipeline->Status().unowned, 1u);
}

}  // namespace
}  // namespace weir::events
