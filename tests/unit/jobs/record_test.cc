// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

namespace weir::jobs {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

Canary Proven() {
  Canary canary;
  canary.verdict = canary.expected_verdict = WEIR_DENY;
  canary.why = WEIR_WHY_NO_RULE;
  canary.connect_errno = 1;
  canary.proven = true;
  return canary;
}

/// A job of which everything is known.
RecordFacts Whole() {
  RecordFacts facts;
  facts.job.job_id = "20260817-093015123-q3k7x0v2md";
  facts.job.name = "build";
  facts.job.mode = WEIR_MODE_BLOCK;
  facts.job.policy_digest = "sha256:00";
  facts.job.begin_time_ns = 1'700'000'000'123'456'789;
  facts.job.armed = true;
  facts.job.canaries = {Proven(), Proven()};
  facts.job.segments = {{1, 5, 1, 5, std::string(64, 'a')}};
  facts.programs = {{"weir_connect4", "0123456789abcdef", "cgroup/connect4", true}};
  facts.has_counts = true;
  facts.counts[WEIR_C_VERDICT + WEIR_HOOK_CONNECT * 4 + WEIR_DENY] = 3;
  facts.counts[WEIR_C_VERDICT + WEIR_HOOK_DNS * 4 + WEIR_ALLOW] = 4;
  facts.counts[WEIR_C_STEPS] = 6;
  facts.counts[WEIR_C_STEP_CUT] = 1;
  facts.counts[WEIR_C_EVENTS] = 5;
  facts.events_read = 5;
  return facts;
}

TEST(Record, IsAnInTotoStatementAboutTheJob) {
  const Record record = BuildRecord(Whole());
  EXPECT_TRUE(record.complete) << (record.reasons.empty() ? "" : record.reasons[0]);
  const json statement = json::parse(record.json);
  EXPECT_EQ(statement.at("_type"), "https://in-toto.io/Statement/v1");
  EXPECT_EQ(statement.at("predicateType"), kRecordPredicateType);
  EXPECT_EQ(statement.at("subject").at(0).at("name"), "weir-job:20260817-093015123-q3k7x0v2md");
  EXPECT_EQ(statement.at("subject").at(0).at("digest").at("sha256"), std::string(64, 'a'));
  const json& predicate = statement.at("predicate");
  EXPECT_EQ(predicate.at("schema"), "weir.record.v1");
  EXPECT_EQ(predicate.at("counts").at("denied"), 3);
  EXPECT_EQ(predicate.at("counts").at("allowed"), 4);
  EXPECT_EQ(predicate.at("counts").at("steps"), 6);
  EXPECT_EQ(predicate.at("counts").at("truncated").at("step_names"), 1);
  EXPECT_EQ(predicate.at("counts").at("hooks").at("connect").at("denied"), 3);
  EXPECT_EQ(predicate.at("job").at("begin"), "2023-11-14T22:13:20.123456789Z");
  for (const auto& [name, guard] : predicate.at("guard").items()) EXPECT_EQ(guard.at("state"), "off") << name;
  EXPECT_TRUE(predicate.at("complete"));
  EXPECT_EQ(BuildRecord(Whole()).json, record.json) << "equal facts, equal bytes";
}

TEST(Record, AddsTheForwardersVerdicts) {
  RecordFacts facts = Whole();
  facts.forwarder = {{"queries_denied", 2}, {"queries_allowed", 1}, {"queries_would_deny", 7}};
  const VerdictSums sums = SumVerdicts(facts.counts, facts.forwarder);
  EXPECT_EQ(sums.denied, 5u);
  EXPECT_EQ(sums.allowed, 5u);
  EXPECT_EQ(sums.would_deny, 7u);
}

struct Row {
  const char* name;
  std::function<void(RecordFacts&)> change;
  const char* reason;
};

class IncompleteTest : public ::testing::TestWithParam<Row> {};

TEST_P(IncompleteTest, SaysWhy) {
  RecordFacts facts = Whole();
  GetParam().change(facts);
  const Record record = BuildRecord(facts);
  EXPECT_FALSE(record.complete);
  EXPECT_THAT(record.reasons, ::testing::Contains(HasSubstr(GetParam().reason)));
  EXPECT_FALSE(json::parse(record.json).at("predicate").at("complete"));
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, IncompleteTest,
    ::testing::Values(
        Row{"NotArmed", [](RecordFacts& f) { f.job.armed = false; }, "not armed"},
        Row{"CanaryNotProven", [](RecordFacts& f) { f.job.canaries[1].proven = false; }, "not proven"},
        Row{"NoFinalCanary", [](RecordFacts& f) { f.job.canaries.pop_back(); }, "no canary"},
        Row{"ProgramGone", [](RecordFacts& f) { f.programs[0].attached = false; }, "weir_connect4"},
        Row{"CountersGone", [](RecordFacts& f) { f.has_counts = false; }, "counters"},
        Row{"RingFull", [](RecordFacts& f) { f.counts[WEIR_C_LOST_DENIAL] = 2; }, "2 denial records"},
        Row{"QueueFull", [](RecordFacts& f) { f.dropped["exec"] = 9; }, "9 exec events"},
        Row{"QueueFullInAnEarlierLife", [](RecordFacts& f) { f.job.dropped["exec"] = 9; }, "9 exec events"},
        Row{"Undecodable", [](RecordFacts& f) { f.refused = 1; }, "did not decode"},
        Row{"Undelivered", [](RecordFacts& f) { f.undelivered["flow"] = 1; }, "not delivered"},
        Row{"ReadLessThanAccepted", [](RecordFacts& f) { f.events_read = 4; }, "the rings took 5 records, 4 were read"},
        Row{"FlowsFull", [](RecordFacts& f) { f.counts[WEIR_C_FLOWS_FULL] = 1; }, "flows"},
        Row{"StuckStreams",
            [](RecordFacts& f) {
              f.streams = {3, 2, "no such namespace"};
            },
            "refused bytes of 2 streams may leave once Weir's programs are gone: no such namespace"},
        Row{"StuckStreamsForgotten", [](RecordFacts& f) { f.counts[WEIR_C_STUCK_FULL] = 4; }, "4 streams"},
        Row{"TasksFull", [](RecordFacts& f) { f.counts[WEIR_C_TASKS_FULL] = 1; }, "tasks"},
        Row{"Gap",
            [](RecordFacts& f) {
              f.job.gaps = {{"sensor-down", 1, 2, 6}};
            },
            "at most 6"},
        Row{"Leftovers", [](RecordFacts& f) { f.leftovers = {"1 sh"}; }, "1 processes outlived"},
        Row{"Other", [](RecordFacts& f) { f.further_reasons = {"drain: late"}; }, "drain: late"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Record, ListsAGapInWhichNothingWasLost) {
  RecordFacts facts = Whole();
  facts.job.gaps = {{"sensor-down", 1, 2, 0}};
  const Record record = BuildRecord(facts);
  EXPECT_TRUE(record.complete);
  const json predicate = json::parse(record.json).at("predicate");
  EXPECT_EQ(predicate.at("lost").at("gaps").size(), 1u);
  EXPECT_EQ(predicate.at("sensor").at("restarts"), 1);
}

TEST(Record, DigestsTheDigestsOfSeveralSegments) {
  RecordFacts facts = Whole();
  facts.job.segments.push_back({2, 1, 1, 1, std::string(64, 'b')});
  const json record = json::parse(BuildRecord(facts).json);
  const std::string digest = record.at("subject").at(0).at("digest").at("sha256");
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_NE(digest, std::string(64, 'a'));
  EXPECT_EQ(record.at("predicate").at("events").at("count"), 6);
}

TEST(Record, IsValidUtf8WhateverTheCallerSent) {
  RecordFacts facts = Whole();
  facts.job.command = {"\xff\xfe", "\x1b[31m", std::string("\0", 1)};
  facts.leftovers = {"1 \xc3"};
  EXPECT_TRUE(json::accept(BuildRecord(facts).json));
}

}  // namespace
}  // namespace weir::jobs
