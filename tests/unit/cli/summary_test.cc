// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "collector/report/escape.h"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Summary Good() {
  Summary summary;
  summary.job_id = "20260817-093015123-q3k7x0v2md";
  summary.mode = v1::MODE_BLOCK;
  summary.has_policy = true;
  summary.armed = true;
  summary.complete = true;
  summary.allowed = 12;
  return summary;
}

v1::FlowRow Refused(const std::string& name) {
  v1::FlowRow flow;
  flow.mutable_id()->set_verdict(v1::VERDICT_DENY);
  flow.mutable_id()->set_hook(v1::HOOK_CONNECT);
  flow.mutable_id()->set_address("192.0.2.7");
  flow.mutable_id()->set_port(443);
  flow.mutable_id()->set_protocol("tcp");
  flow.mutable_id()->set_why("no-rule");
  flow.set_name(name);
  flow.set_comm("curl");
  flow.set_pid(7);
  return flow;
}

TEST(VerdictLine, SaysModeProofRecordAndCounts) {
  Summary summary = Good();
  EXPECT_EQ(VerdictLine(summary), "block, armed, complete: 12 allowed, 0 denied");
  summary.denied = 1;
  summary.complete = false;
  EXPECT_EQ(VerdictLine(summary), "block, armed, INCOMPLETE (records were lost): 12 allowed, 1 denied");
  summary.armed = false;
  summary.allowed.reset();
  EXPECT_EQ(VerdictLine(summary), "block, NOT ARMED, INCOMPLETE (records were lost): 1 denied");
}

TEST(VerdictLine, DoesNotCallLostWhatOutlivedTheJob) {
  Summary summary = Good();
  summary.complete = false;
  summary.leftovers = {"12 sleep"};
  EXPECT_THAT(VerdictLine(summary), HasSubstr("INCOMPLETE (processes outlived the job)"));
}

TEST(VerdictLine, OfAuditSaysWhatBlockWouldDo) {
  Summary summary = Good();
  summary.mode = v1::MODE_AUDIT;
  summary.would_deny = 3;
  EXPECT_EQ(VerdictLine(summary), "audit, armed, complete: 12 allowed, 0 denied, 3 would be denied in block mode");
  summary.has_policy = false;
  EXPECT_THAT(VerdictLine(summary), HasSubstr("3 not in any policy"));
}

TEST(Summary, NamesWhatWasDeniedAndWhereTheReportsAre) {
  Summary summary = Good();
  summary.denied = 1;
  summary.refused = {Refused("evil.example.net")};
  summary.reports = {"report.html"};
  EXPECT_EQ(Render(summary, {}),
            "weir: block, armed, complete: 12 allowed, 1 denied\n"
            "weir:   denied evil.example.net:443 (192.0.2.7) by curl[7]: no-rule\n"
            "weir: job 20260817-093015123-q3k7x0v2md, report report.html\n");
}

TEST(Summary, StopsAfterTenFlows) {
  Summary summary = Good();
  for (int i = 0; i < 11; ++i) summary.refused.push_back(Refused("n" + std::to_string(i) + ".example.net"));
  const std::string text = Render(summary, {});
  EXPECT_THAT(text, HasSubstr("n9.example.net"));
  EXPECT_THAT(text, Not(HasSubstr("n10.example.net")));
  EXPECT_THAT(text, HasSubstr("and more: weir egress --denied"));
}

// Sixty lines of a scan would push everything else out of the ten.
TEST(Summary, TellsAScanInOneLine) {
  Summary summary = Good();
  for (int i = 0; i < 60; ++i) {
    summary.refused.push_back(Refused(""));
    summary.refused.back().mutable_id()->set_address("198.18.0." + std::to_string(i));
    summary.refused.back().mutable_id()->set_exec_id(1);
  }
  for (int i = 0; i < 30; ++i) {
    summary.refused.push_back(Refused("leak" + std::to_string(i) + ".example.net"));
    summary.refused.back().mutable_id()->set_hook(v1::HOOK_DNS);
    summary.refused.back().set_query_type("A");
  }
  summary.refused.push_back(Refused("evil.example.net"));
  const std::string text = Render(summary, {});
  EXPECT_THAT(text, HasSubstr("denied 198.18.0.0:443 and 59 more by curl[7]: no-rule\n"));
  EXPECT_THAT(text, HasSubstr("denied lookup of leak0.example.net (A) and 29 more by"));
  EXPECT_THAT(text, HasSubstr("evil.example.net:443"));
  EXPECT_THAT(text, Not(HasSubstr("and more")));
  summary.more_refused = true;
  EXPECT_THAT(Render(summary, {}), HasSubstr("and at least 59 more"));
  EXPECT_THAT(Render(summary, {}), HasSubstr("… and more: weir egress"));
}

TEST(Summary, FitsTheScreenAndNeutralisesTheJob) {
  Summary summary = Good();
  v1::FlowRow flow = Refused(std::string(300, 'x') + "\x1b[2J\n::error::owned");
  flow.set_comm("\xe2\x80\xae");
  summary.refused = {flow};
  summary.leftovers = {"12 \x1b]0;x\x07"};
  const std::string text = Render(summary, {.columns = 60, .colour = false});
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(line.starts_with("weir: ")) << line;
    EXPECT_LE(report::Columns(line), 60U) << line;
  }
}

TEST(Summary, SaysThatTheCollectorHasNotStoredAllOfIt) {
  Summary summary = Good();
  EXPECT_THAT(Render(summary, Screen{}), Not(HasSubstr("has not confirmed")));
  summary.not_stored = true;
  EXPECT_THAT(Render(summary, Screen{}), HasSubstr("weir:   the collector has not confirmed all of the job's events"));
}

TEST(Summary, WithoutPolicySaysHowToWriteOne) {
  Summary summary = Good();
  summary.has_policy = false;
  EXPECT_THAT(Render(summary, {}), HasSubstr("weir policy suggest --job " + summary.job_id));
}

}  // namespace
}  // namespace weir::cli
