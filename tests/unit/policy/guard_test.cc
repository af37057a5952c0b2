// SPDX-License-Identifier: Apache-2.0
#include "policy/guard.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "bpf/abi.h"

namespace weir::policy {
namespace {

CompiledPolicy Policy(Mode mode) {
  CompiledPolicy policy;
  policy.mode = mode;
  return policy;
}

TEST(GuardClasses, HaveEachNumberAndNameOnce) {
  std::set<std::string_view> names;
  for (const GuardClass& known : GuardClasses()) {
    EXPECT_TRUE(names.insert(known.name).second) << known.name;
    EXPECT_NE(known.kind == 0, known.number == kNoGuardNumber) << known.name;
    EXPECT_FALSE(known.what.empty());
  }
  for (std::uint32_t number = 0; number < WEIR_GUARD_CLASSES; ++number) {
    const GuardClass* found = GuardClassOf(number);
    ASSERT_NE(found, nullptr) << number;
    EXPECT_EQ(found->number, number);
  }
  EXPECT_EQ(GuardClassOf(WEIR_GUARD_CLASSES), nullptr);
  EXPECT_EQ(GuardClassOf(kNoGuardNumber), nullptr);
}

TEST(GuardMasks, DenyEverythingInBlockMode) {
  const GuardMasks masks = GuardMasksOf(Policy(Mode::kBlock));
  EXPECT_EQ(masks.deny, (1u << WEIR_GUARD_CLASSES) - 1);
  EXPECT_EQ(masks.report, 0u);
  EXPECT_EQ(masks.kill, masks.deny);
}

TEST(GuardMasks, AuditReportsWaysOutAndStillProtectsTheWatch) {
  const GuardMasks masks = GuardMasksOf(Policy(Mode::kAudit));
  EXPECT_TRUE(masks.deny & 1u << WEIR_G_BPF);
  EXPECT_TRUE(masks.deny & 1u << WEIR_G_RUNNER_FILES);
  EXPECT_FALSE(masks.deny & 1u << WEIR_G_PACKET);
  EXPECT_TRUE(masks.report & 1u << WEIR_G_PACKET);
  EXPECT_TRUE(masks.report & 1u << WEIR_G_SOCKETS);
  EXPECT_EQ(masks.deny & masks.report, 0u);
}

// Where the guard can only end who tries, audit mode does so only for the watch's and the runner's sake.
TEST(GuardMasks, AuditEndsNoBuildForWhatItMayDoByRight) {
  CompiledPolicy policy = Policy(Mode::kAudit);
  EXPECT_EQ(GuardMasksOf(policy).kill, 1u << WEIR_G_BPF | 1u << WEIR_G_SIGNAL | 1u << WEIR_G_PTRACE |
                                           1u << WEIR_G_RUNNER_MEMORY | 1u << WEIR_G_SENSOR_FILES | 1u << WEIR_G_MOUNT);
  policy.guard = {{"cgroup", "deny"}, {"packet", "deny"}, {"signal", "report"}};
  const GuardMasks masks = GuardMasksOf(policy);
  EXPECT_TRUE(masks.kill & 1u << WEIR_G_CGROUP) << "who writes deny means it";
  EXPECT_TRUE(masks.kill & 1u << WEIR_G_PACKET);
  EXPECT_FALSE(masks.kill & 1u << WEIR_G_SIGNAL);
  EXPECT_EQ(masks.kill & ~masks.deny, 0u);
}

TEST(GuardMasks, ServicesOfAHostHaveItsNetworkAndNotTheWatch) {
  const std::uint32_t services = GuardMasksOf(Policy(Mode::kBlock)).services;
  for (const auto number : {WEIR_G_BPF, WEIR_G_SIGNAL, WEIR_G_PTRACE, WEIR_G_RUNNER_MEMORY, WEIR_G_SENSOR_FILES,
                            WEIR_G_CGROUP, WEIR_G_MOUNT, WEIR_G_PACKET, WEIR_G_XDP, WEIR_G_VSOCK, WEIR_G_TUN})
    EXPECT_NE(services & 1u << number, 0u) << number;
  for (const auto number : {WEIR_G_NETFILTER, WEIR_G_ROUTES, WEIR_G_NETNS, WEIR_G_SOCKETS, WEIR_G_MODULES})
    EXPECT_EQ(services & 1u << number, 0u) << number;
}

TEST(GuardMasks, FollowThePolicy) {
  CompiledPolicy policy = Policy(Mode::kBlock);
  policy.guard = {{"tun", "allow"}, {"bpf", "report"}, {"packet", "deny"}};
  const GuardMasks masks = GuardMasksOf(policy);
  EXPECT_FALSE((masks.deny | masks.report) & 1u << WEIR_G_TUN);
  EXPECT_FALSE(masks.deny & 1u << WEIR_G_BPF);
  EXPECT_TRUE(masks.report & 1u << WEIR_G_BPF);
  EXPECT_TRUE(masks.deny & 1u << WEIR_G_PACKET);
}

}  // namespace
}  // namespace weir::policy
