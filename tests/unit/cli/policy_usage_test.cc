// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/policy_usage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::cli {
namespace {

v1::FlowRow& Add(v1::ListFlowsResponse& flows, const std::string& name, v1::Hook hook, v1::Verdict verdict) {
  v1::FlowRow& row = *flows.add_flows();
  row.set_name(name);
  row.set_executable("/usr/bin/curl");
  row.mutable_id()->set_hook(hook);
  row.mutable_id()->set_verdict(verdict);
  row.mutable_id()->set_address("192.0.2.1");
  row.mutable_id()->set_port(443);
  row.mutable_id()->set_protocol("udp");
  return row;
}

TEST(Usage, TakesWhatHappenedAndNotWhatWasDenied) {
  v1::ListFlowsResponse flows;
  Add(flows, "a.org", v1::HOOK_CONNECT, v1::VERDICT_ALLOW);
  Add(flows, "b.org", v1::HOOK_SENDMSG, v1::VERDICT_WOULD_DENY).mutable_id()->set_protocol("icmpv6");
  Add(flows, "denied.org", v1::HOOK_CONNECT, v1::VERDICT_DENY);
  Add(flows, "asked.org", v1::HOOK_DNS, v1::VERDICT_ALLOW);
  Add(flows, "asked.org", v1::HOOK_DNS, v1::VERDICT_ALLOW);
  Add(flows, "", v1::HOOK_SOCKET, v1::VERDICT_ALLOW);
  Add(flows, "c.org", v1::HOOK_CONNECT, v1::VERDICT_ALLOW).mutable_id()->set_address("no address");
  const policy::RunUse use = UseOf("build", flows);
  EXPECT_EQ(use.job, "build");
  ASSERT_EQ(use.flows.size(), 2U);
  EXPECT_EQ(use.flows[0].name, "a.org");
  EXPECT_EQ(use.flows[0].port, 443);
  EXPECT_EQ(use.flows[0].protocol, 17);
  EXPECT_EQ(use.flows[0].executable, "/usr/bin/curl");
  EXPECT_EQ(use.flows[1].protocol, 58);
  EXPECT_THAT(use.lookups, testing::ElementsAre("asked.org"));
}

}  // namespace
}  // namespace weir::cli
