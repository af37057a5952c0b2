// SPDX-License-Identifier: Apache-2.0
#include "policy/unused.h"

#include <gmock/gmock.h>

#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;

ObservedFlow Flow(std::string name, std::uint16_t port = 443, std::string executable = "/usr/bin/npm",
                  std::string address = "192.0.2.1", std::uint8_t protocol = kTcp) {
  return {std::move(name), Addr(address), port, protocol, std::move(executable), "build", 1};
}

std::vector<std::string> Unused(const std::string& rest, const std::vector<RunUse>& runs) {
  const ParsedPolicy policy = MustLoad(Block(rest));
  std::vector<std::string> reasons;
  for (const Fault& fault : FindUnused(policy, runs, kToday)) {
    EXPECT_EQ(fault.severity, Severity::kWarning);
    EXPECT_GT(fault.line, 0);
    EXPECT_FALSE(fault.suggestion.empty());
    reasons.push_back(fault.reason);
  }
  return reasons;
}

TEST(Unused, NamesEachRuleThatNoRunNeeded) {
  EXPECT_THAT(
      Unused("allow: [a.org, b.org, \"*.c.org\", 10.0.0.0/8:22, 192.0.2.0/24]",
             {{"build", {Flow("A.org"), Flow("x.y.c.org")}, {}}, {"build", {Flow("", 443)}, {}}}),
      ElementsAre("`b.org` was not used in the last 2 runs", "`10.0.0.0/8:22` was not used in the last 2 runs"));
}

TEST(Unused, HoldsPortProtocolAndProcessAgainstARule) {
  const std::vector<RunUse> runs = {{"build", {Flow("a.org", 443), Flow("b.org", 443, "")}, {}}};
  EXPECT_THAT(Unused("allow: [a.org:443, a.org:8443, a.org:443/udp]", runs),
              ElementsAre(HasSubstr("`a.org:8443`"), HasSubstr("`a.org:443/udp`")));
  EXPECT_THAT(Unused("allow: [{endpoint: a.org, process: curl}, {endpoint: a.org, process: npm}]", runs),
              ElementsAre(HasSubstr("`a.org`")));
  EXPECT_THAT(Unused("allow: [{endpoint: a.org, process: /opt/npm}]", runs), ElementsAre(HasSubstr("`a.org`")));
  EXPECT_THAT(Unused("allow: [{endpoint: b.org, process: curl}, {endpoint: a.org, process: /usr/bin/npm}]", runs),
              IsEmpty())
      << "who it was is not known: the rule may be needed";
}

TEST(Unused, CountsALookupOnlyWhileNoConnectionSaysWhichRule) {
  const RunUse asked{"build", {}, {"a.org"}};
  EXPECT_THAT(Unused("allow: [a.org:443, a.org:8443, b.org]", {asked}), ElementsAre(HasSubstr("`b.org`")));
  EXPECT_THAT(Unused("allow: [a.org:443, a.org:8443]", {{"build", {Flow("a.org", 443)}, {"a.org"}}}),
              ElementsAre(HasSubstr("`a.org:8443`")));
}

TEST(Unused, LeavesOutDenyAndExpiredRules) {
  EXPECT_THAT(Unused("allow: [a.org, {endpoint: old.org, expires: 2020-01-01}]\ndeny: [b.org]",
                     {{"build", {Flow("a.org")}, {}}}),
              IsEmpty());
}

TEST(Unused, JudgesAJobsRulesByItsOwnRuns) {
  const std::string policy =
      "allow: [a.org]\njobs:\n  build: {allow: [b.org]}\n  gpu: {allow: [c.org]}\n  never: {allow: [d.org]}\n";
  EXPECT_THAT(
      Unused(policy, {{"build", {Flow("a.org"), Flow("c.org")}, {}}, {"gpu", {Flow("b.org")}, {}}}),
      ElementsAre("`b.org` was not used in the last run of `build`", "`c.org` was not used in the last run of `gpu`"));
}

TEST(Unused, WithoutRunsSaysNothing) { EXPECT_THAT(Unused("allow: [a.org]", {}), IsEmpty()); }

TEST(Unused, IsFastForManyRulesAndFlows) {
  std::string rules = "allow:\n";
  RunUse run{"build", {}, {}};
  for (int i = 0; i < 20'000; ++i) {
    rules += "  - h" + std::to_string(i) + ".example.org\n";
    if (i % 2 == 0) run.flows.push_back(Flow("h" + std::to_string(i) + ".example.org"));
  }
  const ParsedPolicy policy = MustLoad(Block(rules));
  EXPECT_EQ(FindUnused(policy, {run}, kToday).size(), kMaxFaults + 1);
}

}  // namespace
}  // namespace weir::policy
