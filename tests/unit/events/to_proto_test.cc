// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/to_proto.h"

#include <gtest/gtest.h>

#include <cstring>

#include "bpf/abi.h"
#include "sensor/events/jobs.h"
#include "weir/v1/event.pb.h"

namespace weir::events {
namespace {

using namespace std::string_literals;

v1::Event Convert(Body body) {
  v1::Event out;
  ToProto(Event{5, 77, 1, "job-1", std::move(body), 2}, out);
  EXPECT_EQ(out.sequence(), 5u);
  EXPECT_EQ(out.time_ns(), 77);
  EXPECT_EQ(out.job_id(), "job-1");
  EXPECT_EQ(out.step(), 2u);
  return out;
}

TEST(ToProto, WritesAFlowAsText) {
  Flow flow;
  flow.id = {9,
             {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1},
             443,
             6,
             Verdict::kDeny,
             Hook::kConnect,
             WEIR_WHY_NO_RULE};
  flow.pid = 3;
  flow.comm = {'c', 'u', 'r', 'l'};
  flow.name = "\7example\3org\0"s;
  flow.rule_id = 1;
  flow.rule = "example.org:443";
  const auto out = Convert(flow).flow();
  EXPECT_EQ(out.id().exec_id(), 9u);
  EXPECT_EQ(out.id().address(), "192.0.2.1");
  EXPECT_EQ(out.id().port(), 443u);
  EXPECT_EQ(out.id().protocol(), "tcp");
  EXPECT_EQ(out.id().verdict(), v1::VERDICT_DENY);
  EXPECT_EQ(out.id().hook(), v1::HOOK_CONNECT);
  EXPECT_EQ(out.id().why(), "no-rule");
  EXPECT_EQ(out.comm(), "curl");
  EXPECT_EQ(out.name(), "example.org");
  EXPECT_EQ(out.rule(), "example.org:443");
}

TEST(ToProto, SplitsArguments) {
  const std::pair<std::string, std::vector<std::string>> rows[] = {
      {"sh\0-c\0a b\0"s, {"sh", "-c", "a b"}},
      {"a\0\0b\0"s, {"a", "", "b"}},
      {"\0"s, {""}},
      {""s, {}},
      {"cut\0of"s, {"cut", "of"}},
      {"\xff\n\x1b\0"s, {"\xff\n\x1b"}},
  };
  for (const auto& [arguments, want] : rows) {
    ProcessExec exec;
    exec.arguments = arguments;
    const v1::Event out = Convert(exec);
    EXPECT_EQ(std::vector<std::string>(out.exec().arguments().begin(), out.exec().arguments().end()), want);
  }
}

TEST(ToProto, LeavesAStepsNameAsTheJobWroteIt) {
  ProcessExec exec;
  exec.step_name = "\xff\n";
  exec.action_repository = "acme/\x1b";
  exec.action_ref = "v1";
  std::string bytes;
  AppendSerialized(Convert(exec), bytes);
  v1::Event back;
  ASSERT_TRUE(back.ParseFromString(bytes));
  EXPECT_EQ(back.exec().step_name(), "\xff\n");
  EXPECT_EQ(back.exec().action_repository(), "acme/\x1b");
  EXPECT_EQ(back.exec().action_ref(), "v1");
}

TEST(ToProto, WritesValidUtf8WhateverAJobSent) {
  Finding finding{"leftover\xff", "12 \xfe\n", 0, 0, {}};
  JobBegin begin;
  begin.name = "\xc0";
  begin.labels = {{"k\xff", "v\xff"}};
  begin.command = {"\xff"};
  Gap gap{"queue-full", 1, 2, {{"exec\xff", 3}}};
  Flow flow;
  flow.rule = "\xff";
  for (Body body : {Body(finding), Body(begin), Body(gap), Body(flow)}) {
    std::string bytes;
    AppendSerialized(Convert(body), bytes);
    v1::Event back;
    EXPECT_TRUE(back.ParseFromString(bytes)) << KindName(KindOf(body));
  }
  EXPECT_EQ(Convert(finding).finding().detail(), "12 \\xfe\n");
}

TEST(ToProto, LeavesNothingOfTheEventBefore) {
  v1::Event out;
  ToProto(Event{1, 1, 1, "a", JobEnd{3, "{}", true}, 9}, out);
  ToProto(Event{2, 2, 0, "", Heartbeat{"1", "2", "3", true, 4}}, out);
  EXPECT_EQ(out.step(), 0u);
  EXPECT_TRUE(out.has_heartbeat());
  EXPECT_FALSE(out.has_job_end());
  EXPECT_EQ(out.job_id(), "");
  EXPECT_EQ(out.heartbeat().jobs(), 4u);
}

TEST(ToProto, EqualEventsGiveEqualBytes) {
  const auto bytes = [](std::initializer_list<const char*> order) {
    v1::Event event;
    for (const char* key : order) (*event.mutable_gap()->mutable_lost())[key] = 1;
    std::string out;
    AppendSerialized(event, out);
    return out;
  };
  EXPECT_EQ(bytes({"exec", "flow", "dns", "exit"}), bytes({"exit", "dns", "flow", "exec"}));
}

TEST(ToProto, WritesQueriesAndAnswers) {
  DnsQuery query;
  query.name = "\3bad\4test\0"s;
  query.type = 28;
  query.verdict = Verdict::kDeny;
  query.why = WEIR_WHY_DNS_NAME;
  query.tcp = true;
  const auto out = Convert(query).dns_query();
  EXPECT_EQ(out.name(), "bad.test");
  EXPECT_EQ(out.type(), "AAAA");
  EXPECT_EQ(out.why(), "dns-name");
  EXPECT_TRUE(out.tcp());
  DnsAnswer answer;
  answer.addresses = {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  answer.address_count = 9;
  const auto wire = Convert(answer).dns_answer();
  EXPECT_EQ(wire.addresses(0), "2001:db8::1");
  EXPECT_EQ(wire.address_count(), 9u);
}

TEST(Enrich, NamesJobAndRule) {
  const JobInfo info{"job-9", {"a:1", "b:2"}};
  const std::pair<std::uint32_t, const char*> rows[] = {
      {0, ""}, {1, "a:1"}, {2, "b:2"}, {3, ""}, {0xfffffff0, "local"}, {0xffffffff, ""}};
  for (const auto& [rule_id, want] : rows) {
    Flow flow;
    flow.rule_id = rule_id;
    Event event{0, 0, 1, {}, flow};
    Enrich(event, info);
    EXPECT_EQ(event.job_id, "job-9");
    EXPECT_EQ(std::get<Flow>(event.body).rule, want) << rule_id;
  }
}

}  // namespace
}  // namespace weir::events
