// SPDX-License-Identifier: Apache-2.0
#include "collector/query/suggest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/report/build.h"
#include "tests/unit/report/evidence.h"

namespace weir::query {
namespace {

using report::AddFlow;
using report::FinishedJob;
using report::RecordJson;
using store::Verdict;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Observe, TakesWhatWasAllowedOrWouldHaveBeenDenied) {
  store::JobEvidence job = report::PoisonedBuild();  // two denied, three allowed
  AddFlow(job, 4, "new.example.org", "203.0.113.9", Verdict::kWouldDeny, "no-rule").flow.key.protocol = "udp";
  const Observed observed = Observe(report::BuildReport(std::move(job)));
  ASSERT_EQ(observed.flows.size(), 4U);
  EXPECT_EQ(observed.flows[0].name, "registry.example.org");
  EXPECT_EQ(observed.flows[0].executable, "/usr/bin/node");
  EXPECT_EQ(observed.flows[0].protocol, 6);
  EXPECT_EQ(observed.flows[0].job, "build");
  EXPECT_EQ(observed.flows[3].protocol, 17);
  EXPECT_THAT(observed.notes, Contains(HasSubstr("2 denied contacts left out")));
}

TEST(Observe, LeavesOutWhatNeedsNoRule) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  for (const char* why : {"loopback", "local", "resolver", "dns-tcp", "search", "kind"}) {
    AddFlow(job, 1, "", "127.0.0.1", Verdict::kAllow, why);
  }
  AddFlow(job, 1, "", "", Verdict::kAllow, "kind").flow.key.hook = store::Hook::kSocket;
  const Observed observed = Observe(report::BuildReport(std::move(job)));
  EXPECT_THAT(observed.flows, IsEmpty());
  EXPECT_THAT(observed.notes, IsEmpty());
}

TEST(Observe, SaysWhenAJobMayHaveDoneMore) {
  EXPECT_THAT(Observe(report::BuildReport(FinishedJob(""))).notes, Contains(HasSubstr("NOT PROVEN")));
  EXPECT_THAT(Observe(report::BuildReport(FinishedJob(RecordJson(true, false, 0)))).notes,
              Contains(HasSubstr("INCOMPLETE")));
}

TEST(Observe, ReadsProtocolNumbers) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  AddFlow(job, 1, "", "192.0.2.1", Verdict::kAllow, "cidr").flow.key.protocol = "50";
  AddFlow(job, 1, "", "192.0.2.1", Verdict::kAllow, "cidr").flow.key.protocol = "icmpv6";
  const Observed observed = Observe(report::BuildReport(std::move(job)));
  EXPECT_EQ(observed.flows[0].protocol, 50);
  EXPECT_EQ(observed.flows[1].protocol, 58);
}

TEST(Merge, MakesOneOfEqualFlowsOfManyRuns) {
  policy::ObservedFlow flow;
  flow.name = "a.example.org";
  flow.port = 443;
  flow.job = "build";
  flow.count = 3;
  policy::ObservedFlow other = flow;
  other.executable = "/usr/bin/curl";
  policy::ObservedFlow endless = flow;
  endless.job = "test";
  endless.count = ~0ull;
  std::vector<policy::ObservedFlow> flows = {flow, endless, other, flow, flow, endless};
  Merge(flows);
  ASSERT_EQ(flows.size(), 3U);
  EXPECT_EQ(flows[0].count, 9U);
  EXPECT_EQ(flows[1].count, ~0ull);  // does not wrap
  EXPECT_EQ(flows[2].executable, "/usr/bin/curl");
  std::vector<policy::ObservedFlow> none;
  Merge(none);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace weir::query
