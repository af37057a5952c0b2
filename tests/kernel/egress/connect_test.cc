// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>

#include <cstring>
#include <thread>

#include "tests/kernel/egress/world.h"
#include "tests/kernel/lab/descriptor.h"

namespace weir::lab {
namespace {

// UDP connect() sends no packet, so these may name any address.
constexpr const char* kAllowed = "192.0.2.10";
constexpr const char* kOther = "192.0.2.11";

std::unique_ptr<World> MakeWorld(std::uint32_t mode, std::uint32_t flags = 0) {
  auto world = World::Create(mode, flags);
  EXPECT_TRUE(world) << (world ? "" : world.error().what);
  return world ? std::move(*world) : nullptr;
}

struct Case {
  const char* name;
  const char* address;
  std::uint16_t port;
  int want;  // errno of connect() in block mode
};

class Decision : public testing::TestWithParam<Case> {};

// One table for both families, exact rules, prefixes, denies and what is allowed by itself.
TEST_P(Decision, IsWhatThePolicySays) {
  auto world = MakeWorld(WEIR_MODE_BLOCK, WEIR_S_ALLOW_CIDR | WEIR_S_DENY_EXACT | WEIR_S_DENY_CIDR | WEIR_S_ANY_PORT);
  ASSERT_TRUE(world);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "2001:db8::10", 443, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.20", 0, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.21", 0, 0));
  ASSERT_TRUE(world->Cidr(WEIR_TABLE_ALLOW, "198.51.100.0", 96 + 24, 5432, 17));
  ASSERT_TRUE(world->Cidr(WEIR_TABLE_ALLOW, "2001:db8:1::", 48, 0, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_DENY, "198.51.100.9", 0, 0));
  ASSERT_TRUE(world->Cidr(WEIR_TABLE_DENY, "198.51.100.128", 96 + 25, 0, 0));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_DENY, "127.0.0.9", 0, 0));
  const Case& c = GetParam();
  EXPECT_EQ(world->InJob([&] { return TryConnect(SOCK_DGRAM, c.address, c.port); }), c.want);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, c.want ? WEIR_DENY : WEIR_ALLOW), 1u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, c.want ? WEIR_ALLOW : WEIR_DENY), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Decision,
    testing::Values(
        Case{"ExactRule", kAllowed, 443, 0}, Case{"RightHostWrongPort", kAllowed, 444, EPERM},
        Case{"OtherHost", kOther, 443, EPERM}, Case{"AnyPort", "192.0.2.20", 7, 0},
        Case{"AnyProtocol", "192.0.2.21", 7, 0}, Case{"Prefix", "198.51.100.1", 5432, 0},
        Case{"PrefixWrongPort", "198.51.100.1", 5433, EPERM}, Case{"OutsidePrefix", "198.51.101.1", 5432, EPERM},
        Case{"DeniedHostInAllowedPrefix", "198.51.100.9", 5432, EPERM},
        Case{"DeniedPrefixInAllowedPrefix", "198.51.100.200", 5432, EPERM},
        Case{"MappedOfAllowed", "::ffff:192.0.2.10", 443, 0}, Case{"MappedOfDenied", "::ffff:192.0.2.11", 443, EPERM},
        Case{"Nat64OfAllowed", "64:ff9b::c000:20a", 443, 0}, Case{"Nat64OfDenied", "64:ff9b::c000:20b", 443, EPERM},
        Case{"Nat64OfLoopback", "64:ff9b::7f00:1", 9, EPERM}, Case{"Nat64OfUnspecified", "64:ff9b::", 9, EPERM},
        Case{"V6Exact", "2001:db8::10", 443, 0}, Case{"V6Other", "2001:db8::11", 443, EPERM},
        Case{"V6PrefixAnyPort", "2001:db8:1:2::3", 9, 0}, Case{"Loopback", "127.0.0.1", 9, 0},
        Case{"LoopbackElsewhere", "127.8.9.10", 9, 0}, Case{"LoopbackV6", "::1", 9, 0},
        Case{"DeniedLoopback", "127.0.0.9", 9, EPERM}, Case{"Metadata", "169.254.169.254", 80, EPERM},
        Case{"Private", "10.0.0.1", 443, EPERM}, Case{"Multicast", "224.0.0.251", 5353, EPERM},
        Case{"Unspecified", "0.0.0.0", 443, EPERM}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Connect, AuditLetsThroughAndSaysSo) {
  auto world = MakeWorld(WEIR_MODE_AUDIT);
  ASSERT_TRUE(world);
  EXPECT_EQ(world->InJob([] { return TryConnect(SOCK_DGRAM, kOther, 443); }), 0);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_WOULD_DENY), 1u);
  const auto events = world->FlowEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].verdict, WEIR_WOULD_DENY);
  EXPECT_EQ(events[0].why, WEIR_WHY_NO_RULE);
  EXPECT_EQ(events[0].event.scope_id, World::kScope);
  EXPECT_NE(events[0].event.exec_id, 0u);
}

TEST(Connect, RepeatsAreOneEventAndACount) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  world->InJob([] {
    for (int i = 0; i < 1000; i++) TryConnect(SOCK_DGRAM, kOther, 443);
    return 0;
  });
  EXPECT_EQ(world->FlowEvents().size(), 1u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 1000u);
  const auto flows = world->Flows();
  ASSERT_EQ(flows.size(), 1u);
  EXPECT_EQ(flows[0].second.count, 1000u);
  EXPECT_LE(flows[0].second.first_ns, flows[0].second.last_ns);
}

TEST(Connect, OutsideEveryScopeIsNobodysBusiness) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  auto stranger = world->root().CreateChild("stranger");
  ASSERT_TRUE(stranger);
  EXPECT_EQ(world->InCgroup(*stranger, [] { return TryConnect(SOCK_DGRAM, kOther, 443); }), 0);
  EXPECT_TRUE(world->FlowEvents().empty());
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_ALLOW), 0u);
}

TEST(Connect, IdentityStaysWhenTheTaskMovesAway) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  auto elsewhere = world->root().CreateChild("elsewhere");
  ASSERT_TRUE(elsewhere);
  EXPECT_EQ(world->InJob([&] {
    if (!elsewhere->Enter()) return 99;
    return TryConnect(SOCK_DGRAM, kOther, 443);
  }),
            EPERM);
}

TEST(Connect, SocketMadeBeforeTheTaskEnteredIsTakenIn) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  auto outside = world->root().CreateChild("outside");
  ASSERT_TRUE(outside);
  EXPECT_EQ(world->InCgroup(*outside,
                            [&] {
                              const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
                              if (!world->job().Enter()) return 99;
                              sockaddr_in to{};
                              to.sin_family = AF_INET;
                              to.sin_port = htons(443);
                              std::memcpy(&to.sin_addr, ParseAddress(kOther).data() + 12, 4);
                              return connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) ? errno : 0;
                            }),
            EPERM);
}

TEST(Connect, SocketOfAnotherJobIsRefused) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  auto other = world->AddJob(8, WEIR_MODE_BLOCK);
  ASSERT_TRUE(other);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17, 1, WEIR_PROC_ANY, 8));
  // Made by a task of scope 8, used by one of scope 7: both may go there, and still the socket may not.
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  EXPECT_EQ(world->InCgroup(*other, [&] { return Give(ends[0], socket(AF_INET, SOCK_DGRAM, 0)) ? 0 : 1; }), 0);
  EXPECT_EQ(world->InJob([&] {
    const int fd = Take(ends[1]);
    if (fd < 0) return 98;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(443);
    std::memcpy(&to.sin_addr, ParseAddress(kAllowed).data() + 12, 4);
    return connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) ? errno : 0;
  }),
            EPERM);
  const auto events = world->FlowEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].why, WEIR_WHY_FOREIGN);
  close(ends[0]);
  close(ends[1]);
}

TEST(Connect, RefusedReconnectKeepsTheOldFlow) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.10", 443, 17));
  EXPECT_EQ(world->InJob([] {
    if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(443);
    std::memcpy(&to.sin_addr, ParseAddress(kAllowed).data() + 12, 4);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to))) return 1;
    if (send(fd.get(), "x", 1, 0) != 1) return 2;
    std::memcpy(&to.sin_addr, ParseAddress(kOther).data() + 12, 4);
    if (!connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) || errno != EPERM) return 3;
    // Nobody listens: the first send's ICMP error may be pending, so a second try is allowed.
    if (send(fd.get(), "x", 1, 0) != 1 && send(fd.get(), "x", 1, 0) != 1) return 4;
    return 0;
  }),
            0);
}

TEST(Connect, NoCrossVerdictBetweenTwoJobs) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  auto other = world->AddJob(8, WEIR_MODE_BLOCK);
  ASSERT_TRUE(other);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kOther, 443, 17, 1, WEIR_PROC_ANY, 8));
  const auto wrong = [](const char* allowed, const char* denied) {
    int faults = 0;
    for (int i = 0; i < 1000; i++) {
      faults += TryConnect(SOCK_DGRAM, allowed, 443) != 0;
      faults += TryConnect(SOCK_DGRAM, denied, 443) != EPERM;
    }
    return faults > 100 ? 100 : faults;
  };
  int first = -1, second = -1;
  std::thread a([&] { first = world->InJob([&] { return wrong(kAllowed, kOther); }); });
  std::thread b([&] { second = world->InCgroup(*other, [&] { return wrong(kOther, kAllowed); }); });
  a.join();
  b.join();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 0);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 1000u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY, 8), 1000u);
}

TEST(Connect, EndedScopeIsDenied) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  weir_scope scope{};
  scope.generation = 1;
  scope.mode = WEIR_MODE_BLOCK;
  scope.flags = WEIR_S_ENDED;
  ASSERT_TRUE(world->PutScope(World::kScope, scope));
  EXPECT_EQ(world->InJob([] { return TryConnect(SOCK_DGRAM, kAllowed, 443); }), EPERM);
}

// A task that weir_tasks has no room for is judged by its cgroup.
TEST(Connect, UntrackedTaskIsJudgedByItsCgroup) {
  auto world = MakeWorld(WEIR_MODE_BLOCK, WEIR_S_PROCESS);
  ASSERT_TRUE(world);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.12", 443, 17, 3, /*proc_mask=*/~1ull));
  weir_usage full{};
  full.tasks = WEIR_MAX_SCOPE_TASKS;
  ASSERT_TRUE(MapPut(world->egress().maps.weir_usage, World::kScope, full));
  const auto untracked = [&](const char* address) {
    return world->InJob([&, address] {
      const auto tgid = static_cast<std::uint32_t>(getpid());
      if (MapGet<weir_task>(world->egress().maps.weir_tasks, tgid)) return 99;
      return TryConnect(SOCK_DGRAM, address, 443);
    });
  };
  EXPECT_EQ(untracked(kOther), EPERM);
  EXPECT_EQ(untracked(kAllowed), 0);
  // Nobody knows its image, so no executable's rule is for it.
  EXPECT_EQ(untracked("192.0.2.12"), EPERM);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 2u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_ALLOW), 1u);
  // Children of an untracked task, and its datagrams, too.
  EXPECT_EQ(world->InJob([] {
    auto child = Child::Fork([] { return TrySendTo(kOther, 443); });
    return child ? WEXITSTATUS(child->Wait()) : 98;
  }),
            EPERM);
  // Strangers are still nobody's business.
  auto stranger = world->root().CreateChild("stranger");
  ASSERT_TRUE(stranger);
  EXPECT_EQ(world->InCgroup(*stranger, [] { return TryConnect(SOCK_DGRAM, kOther, 443); }), 0);
}

TEST(Connect, BoundRuleIsForItsExecutablesOnly) {
  auto world = MakeWorld(WEIR_MODE_BLOCK, WEIR_S_PROCESS);
  ASSERT_TRUE(world);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17, 3, /*proc_mask=*/2));
  EXPECT_EQ(world->InJob([] { return TryConnect(SOCK_DGRAM, kAllowed, 443); }), EPERM);
  const auto events = world->FlowEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].why, WEIR_WHY_PROCESS);
  EXPECT_EQ(events[0].rule_id, 3u);
}

TEST(Connect, FullRingCostsTheRecordNotTheVerdict) {
  auto made = World::Create(WEIR_MODE_BLOCK, 0, 0, [](bpf_object* object) {
    bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "weir_denials"), 4096);
  });
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  EXPECT_EQ(world->InJob([] {
    int faults = 0;
    for (int i = 0; i < 100; i++)
      faults += TryConnect(SOCK_DGRAM, kOther, static_cast<std::uint16_t>(1000 + i)) != EPERM;
    return faults;
  }),
            0);
  const auto read = world->FlowEvents().size();
  EXPECT_LT(read, 100u);
  EXPECT_EQ(read + world->Counter(WEIR_C_LOST_DENIAL), 100u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 100u);
}

// Nobody reads meanwhile: what a flood may hold of a ring is bounded by what it leaves free.
TEST(Connect, OneJobsFloodLeavesRoomForAnothersRecords) {
  for (const auto mode : {WEIR_MODE_BLOCK, WEIR_MODE_AUDIT}) {
    auto made = World::Create(mode, 0, 0, [](bpf_object* object) {
      for (const char* ring : {"weir_events", "weir_denials"})
        bpf_map__set_max_entries(bpf_object__find_map_by_name(object, ring), 16384);
    });
    ASSERT_TRUE(made) << made.error().what;
    auto world = std::move(*made);
    const auto other = world->AddJob(8, mode);
    ASSERT_TRUE(other);
    const auto connect = [](int count) {
      for (int i = 0; i < count; i++) {
        TryConnect(SOCK_DGRAM, kOther, static_cast<std::uint16_t>(1000 + i));
        TryConnect(SOCK_DGRAM, "127.0.0.1", static_cast<std::uint16_t>(1000 + i));
      }
      return 0;
    };
    for (int round = 0; round < 3; round++) {
      EXPECT_EQ(world->InJob([&] { return connect(200); }), 0);
      EXPECT_EQ(world->InCgroup(*other, [&] { return connect(5); }), 0);
      EXPECT_GT(world->Counter(WEIR_C_LOST_DENIAL), 0u);
      EXPECT_GT(world->Counter(WEIR_C_LOST_FLOW), 0u);
      for (const std::uint32_t lost : {WEIR_C_LOST_DENIAL, WEIR_C_LOST_FLOW, WEIR_C_LOST_EXEC, WEIR_C_LOST_EXIT})
        EXPECT_EQ(world->Counter(lost, 8), 0u) << lost << " in round " << round;
      const auto events = world->FlowEvents();
      const auto of = [&](std::uint32_t scope_id) {
        return std::count_if(events.begin(), events.end(),
                             [&](const auto& flow) { return flow.event.scope_id == scope_id; });
      };
      EXPECT_EQ(of(8), 10);
      EXPECT_GT(of(World::kScope), 10) << "it has its share again once the rings were read";
    }
  }
}

TEST(Connect, CanaryIsJudgedButNotRecorded) {
  auto world = MakeWorld(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world);
  auto child = Child::Fork([] { return TryConnect(SOCK_DGRAM, "192.0.2.1", 9); });
  ASSERT_TRUE(child);
  ASSERT_TRUE(world->job().Enter(child->pid()));
  const auto pid = static_cast<std::uint32_t>(child->pid());
  auto task = MapGet<weir_task>(world->egress().maps.weir_tasks, pid);
  ASSERT_TRUE(task) << task.error().what;
  EXPECT_EQ(task->scope_id, World::kScope);
  task->flags |= WEIR_T_CANARY;
  ASSERT_TRUE(MapPut(world->egress().maps.weir_tasks, pid, *task));
  EXPECT_EQ(WEXITSTATUS(child->Wait()), EPERM);
  const auto canary = MapGet<weir_canary>(world->egress().maps.weir_canary, World::kScope);
  ASSERT_TRUE(canary);
  EXPECT_EQ(canary->verdict, WEIR_DENY);
  EXPECT_EQ(canary->why, WEIR_WHY_NO_RULE);
  EXPECT_NE(canary->netns_cookie, 0u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 0u);
  EXPECT_TRUE(world->FlowEvents().empty());
}

}  // namespace
}  // namespace weir::lab
