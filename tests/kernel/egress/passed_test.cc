// SPDX-License-Identifier: Apache-2.0
// Connected sockets that come to a job from somebody else, and sockets that images with different rights share. No
// address hook sees their traffic: only the packet programs do, and what they go by is who sends. The servers, who say
// what arrived, are outside the job.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/kernel/egress/resolver.h"
#include "tests/kernel/egress/world.h"
#include "tests/kernel/lab/descriptor.h"
#include "tests/kernel/lab/says.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262  // include/uapi/linux/in.h, since Linux 5.6
#endif

namespace weir::lab {
namespace {

constexpr const char* kAllowed = "192.0.2.10";
constexpr const char* kOther = "192.0.2.11";

int Bound(int type, const char* address, std::uint16_t port, int protocol = 0) {
  const int fd = socket(AF_INET, type, protocol);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in at = Ipv4(address, port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return -1;
  return type == SOCK_STREAM && listen(fd, 8) ? -1 : fd;
}

int Connected(int type, const char* address, std::uint16_t port) {
  const int fd = socket(AF_INET, type, 0);
  const sockaddr_in to = Ipv4(address, port);
  return connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) ? -1 : fd;
}

// One byte or none, within 300 ms.
bool Arrives(int fd) {
  const timeval limit{0, 300'000};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  char byte;
  return recv(fd, &byte, 1, 0) == 1;
}

enum class Way { kInherited, kScmRights, kPidfdGetfd };

struct Case {
  const char* name;
  Way way;
  int type;
};

class PassedSocket : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    auto made = World::Create(WEIR_MODE_BLOCK, WEIR_S_PROCESS);
    ASSERT_TRUE(made) << made.error().what;
    world_ = std::move(*made);
    for (const std::uint8_t proto : {std::uint8_t{6}, std::uint8_t{17}})
      ASSERT_TRUE(world_->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, proto));
  }

  // An outsider connects to `address`, a job's process gets hold of the socket and sends one byte. Bit 0: it arrived;
  // bit 1: the sender was told EPERM.
  int Send(const char* address, std::uint16_t port = 443) {
    const Case& c = GetParam();
    auto outside = world_->root().CreateChild("outside");
    if (!outside) return -2;
    return world_->InCgroup(*outside, [&] {
      if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
      const int server = Bound(c.type, address, port), fd = Connected(c.type, address, port);
      if (server < 0 || fd < 0) return 98;
      const int peer = c.type == SOCK_STREAM ? accept(server, nullptr, nullptr) : server;
      int channel[2];
      if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel)) return 97;
      const pid_t outsider = getpid();
      auto job = Child::RunIn(world_->job(), [&] {
        int mine = fd;
        if (c.way != Way::kInherited) close(fd);
        if (c.way == Way::kScmRights) mine = Take(channel[1]);
        if (c.way == Way::kPidfdGetfd) {
          const Fd process(static_cast<int>(syscall(SYS_pidfd_open, outsider, 0)));
          mine = static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), fd, 0));
        }
        if (mine < 0) return 50;
        return send(mine, "x", 1, 0) < 0 ? errno : 0;
      });
      if (!job) return 96;
      if (c.way == Way::kScmRights && !Give(channel[0], fd)) return 95;
      const int error = WEXITSTATUS(job->Wait());
      if (error && error != EPERM) return error;
      return (Arrives(peer) ? 1 : 0) | (error == EPERM ? 2 : 0);
    });
  }

  std::unique_ptr<World> world_;
};

TEST_P(PassedSocket, IsJudgedAsTheJobsOwn) {
  // A refused TCP segment is a lost one to the kernel: the sender is not told.
  EXPECT_EQ(Send(kOther), GetParam().type == SOCK_STREAM ? 0 : 2);
  EXPECT_GE(world_->Verdicts(WEIR_HOOK_PACKET, WEIR_DENY), 1u);
  EXPECT_EQ(world_->Counter(WEIR_C_ADOPTED), 1u);
  const auto events = world_->FlowEvents();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].verdict, WEIR_DENY);
  EXPECT_NE(events[0].event.exec_id, 0u);
}

TEST_P(PassedSocket, MayBeUsedWhereTheJobMaySend) {
  EXPECT_EQ(Send(kAllowed), 1);
  EXPECT_EQ(world_->Verdicts(WEIR_HOOK_PACKET, WEIR_DENY), 0u);
}

// A stream to a stub resolver carries any name; the job's own would be turned to the forwarder.
TEST_P(PassedSocket, IsNoWayToAResolver) {
  ASSERT_TRUE(world_->Resolver(kOther));
  EXPECT_EQ(Send("127.0.0.53", 53) & 1, 0);
  EXPECT_EQ(Send(kOther, 53) & 1, 0);
}

INSTANTIATE_TEST_SUITE_P(Ways, PassedSocket,
                         testing::Values(Case{"InheritedUdp", Way::kInherited, SOCK_DGRAM},
                                         Case{"InheritedTcp", Way::kInherited, SOCK_STREAM},
                                         Case{"ScmRightsUdp", Way::kScmRights, SOCK_DGRAM},
                                         Case{"ScmRightsTcp", Way::kScmRights, SOCK_STREAM},
                                         Case{"PidfdGetfdUdp", Way::kPidfdGetfd, SOCK_DGRAM},
                                         Case{"PidfdGetfdTcp", Way::kPidfdGetfd, SOCK_STREAM}),
                         [](const auto& tested) { return std::string(tested.param.name); });

// The other side of the coin: packets of strangers are sent in the softirq of a job's task all the time
// (acknowledgements, handshakes of a listener, errors), and none of these sockets may become the job's.
TEST(Passed, AStrangersSocketIsNeverTaken) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  auto outside = world->root().CreateChild("outside");
  ASSERT_TRUE(outside);
  EXPECT_EQ(world->InCgroup(
                *outside,
                [&] {
                  if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
                  const int listener = Bound(SOCK_STREAM, kOther, 80);
                  // The job keeps every CPU's softirq busy with packets that are answered by errors.
                  std::vector<Child> noise;
                  for (int i = 0; i < 2; i++) {
                    auto child = Child::RunIn(world->job(), [] {
                      const int fd = Connected(SOCK_DGRAM, kAllowed, 443);
                      for (;;) send(fd, "x", 1, 0);
                      return 0;
                    });
                    if (!child) return 98;
                    noise.push_back(std::move(*child));
                  }
                  int lost = 0;
                  for (int i = 0; i < 300; i++) {
                    const Fd client(Connected(SOCK_STREAM, kOther, 80));
                    const Fd peer(accept(listener, nullptr, nullptr));
                    char buffer[65536] = {};
                    for (const auto& [from, to] : {std::pair(client.get(), peer.get()), {peer.get(), client.get()}}) {
                      if (send(from, buffer, 20'000, 0) != 20'000) lost++;
                      if (recv(to, buffer, 20'000, MSG_WAITALL) != 20'000) lost++;
                    }
                  }
                  return lost ? 1 : 0;
                }),
            0);
  EXPECT_EQ(world->Counter(WEIR_C_ADOPTED), 0u);
}

// MPTCP's kernel worker connects further subflows on a job's behalf, to the addresses that the peer names: no process
// makes these sockets, and no rule may be about where they go.
class Born : public testing::TestWithParam<bool> {};

// One of MPTCP's counters in the network namespace of the caller.
std::uint64_t MptcpCount(const std::string& name) {
  std::ifstream file("/proc/net/netstat");
  for (std::string names, counts; std::getline(file, names) && std::getline(file, counts);) {
    if (!names.starts_with("MPTcpExt:")) continue;
    std::istringstream keys(names), values(counts);
    for (std::string key, value; keys >> key && values >> value;)
      if (key == name) return std::stoull(value);
  }
  return 0;
}

TEST_P(Born, TheKernelsOwnConnectionsAreTheJobs) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  if (GetParam()) {
    // A scope that lies elsewhere, and came first: where sockets are born is no hint any more.
    const auto elsewhere = world->root().CreateChild("elsewhere");
    ASSERT_TRUE(elsewhere && MapPut(world->egress().maps.weir_cgroups, elsewhere->id(), World::kScope));
    ASSERT_EQ(world->InCgroup(*elsewhere, [] { return 0; }), 0);
  }
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 6));
  auto outside = world->root().CreateChild("outside");
  ASSERT_TRUE(outside);
  constexpr int kSkip = 77, kAbsent = 78;
  const int result = world->InCgroup(*outside, [&] {
    if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
    const int server = Bound(SOCK_STREAM, "0.0.0.0", 443, IPPROTO_MPTCP);
    if (server < 0) return kAbsent;
    if (std::system("ip mptcp limits set subflows 4 add_addr_accepted 4 2>/dev/null")) return kSkip;
    int ready[2], go[2];
    if (pipe(ready) || pipe(go)) return 98;
    auto job = Child::RunIn(world->job(), [&] {
      char byte = 'x';
      if (!OwnNetwork({}) || write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) return 90;
      if (std::system("ip addr add 192.0.2.1/24 dev weirc && ip link set weirc up &&"
                      "ip mptcp limits set subflows 4 add_addr_accepted 4"))
        return 91;
      const Fd fd(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
      const sockaddr_in to = Ipv4(kAllowed, 443);
      if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 92;
      // Until the peer has named its other address, and the worker has had half a second to go there.
      int after = 0;
      for (int i = 0; i < 400 && after < 10; i++) {
        if (send(fd.get(), "x", 1, 0) != 1) return 93;
        usleep(50'000);
        after += MptcpCount("AddAddr") > 0;
      }
      return after ? 0 : 89;
    });
    char byte = 'g';
    if (!job || read(ready[0], &byte, 1) != 1) return 97;
    const std::string setup = "ip link add weirs type veth peer name weirc netns " + std::to_string(job->pid()) +
                              " && ip link set weirs up && ip route add 192.0.2.1/32 dev weirs &&"
                              " ip mptcp endpoint add 192.0.2.11 signal";
    if (std::system(setup.c_str())) return 96;
    if (write(go[1], &byte, 1) != 1) return 95;
    const Fd peer(accept(server, nullptr, nullptr));
    const int status = WEXITSTATUS(job->Wait());
    if (status) return status;
    // Whether a further subflow's handshake has reached this side, is counted here.
    return MptcpCount("MPJoinSynRx") ? 1 : 0;
  });
  if (result == kAbsent) return SayAbsent("MPTCP");
  if (result == kSkip) GTEST_SKIP() << "an ip(8) without MPTCP";
  EXPECT_EQ(result, 0);
  bool refused = false;
  for (const weir_flow_event& event : world->FlowEvents())
    refused |= event.verdict == WEIR_DENY && std::memcmp(event.addr, ParseAddress(kOther).data(), 16) == 0;
  EXPECT_TRUE(refused);
}

INSTANTIATE_TEST_SUITE_P(Passed, Born, testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "InSeveralPlaces" : "InOnePlace"; });

// Of two jobs, one takes the other's connected socket: what that one may do is not for this one. The taker's errno; 94:
// what it sent arrived.
int TakenFromAnother(World& world, int type) {
  auto other = world.AddJob(8, WEIR_MODE_BLOCK);
  auto outside = world.root().CreateChild("outside");
  if (!other || !outside) return -2;
  return world.InCgroup(*outside, [&] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    int channel[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel)) return 97;
    const int server = Bound(type, kAllowed, 443);
    auto giver = Child::RunIn(*other, [&] {
      const int fd = Connected(type, kAllowed, 443);
      return send(fd, "x", 1, 0) == 1 && Give(channel[0], fd) ? 0 : 1;
    });
    const int peer = type == SOCK_STREAM ? accept(server, nullptr, nullptr) : server;
    if (!giver || WEXITSTATUS(giver->Wait()) || !Arrives(peer)) return 96;
    auto taker = Child::RunIn(world.job(), [&] {
      const int fd = Take(channel[1]);
      return send(fd, "x", 1, 0) < 0 ? errno : 0;
    });
    const int error = taker ? WEXITSTATUS(taker->Wait()) : 95;
    // A refused segment is sent again, from a timer.
    return Arrives(peer) || Arrives(peer) ? 94 : error;
  });
}

TEST(Passed, AnotherJobsConnectionIsRefused) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17, 1, WEIR_PROC_ANY, 8));
  EXPECT_EQ(TakenFromAnother(*world, SOCK_DGRAM), EPERM);
  const auto events = world->FlowEvents();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().why, WEIR_WHY_FOREIGN);
  EXPECT_EQ(events.back().event.scope_id, World::kScope);
}

TEST(Passed, AnotherJobsStreamIsRefusedForGood) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 6, 1, WEIR_PROC_ANY, 8));
  EXPECT_EQ(TakenFromAnother(*world, SOCK_STREAM), 0);
  bool refused = false;
  for (const weir_flow_event& event : world->FlowEvents())
    refused |= event.why == WEIR_WHY_FOREIGN && event.event.scope_id == World::kScope;
  EXPECT_TRUE(refused);
}

// A rule that is bound to executables holds for the image that sends, not for the one that connected. `type` of socket;
// bits: 1 the one with the right sent, 2 the one without sent, 4 the first one again.
int SharedBetweenImages(World& world, int type) {
  auto outside = world.root().CreateChild("outside");
  if (!outside) return -2;
  return world.InCgroup(*outside, [&] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    const int server = Bound(type, kAllowed, 443);
    int go[2];
    if (server < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, go)) return 98;
    auto job = Child::RunIn(world.job(), [&] {
      bpf_map* tasks = world.egress().maps.weir_tasks;
      const auto become = [&](std::uint64_t exec_id, std::uint64_t mask) {
        const auto tgid = static_cast<std::uint32_t>(getpid());
        auto task = MapGet<weir_task>(tasks, tgid);
        if (!task) return false;
        task->exec_id = exec_id;
        task->proc_mask = mask;
        return static_cast<bool>(MapPut(tasks, tgid, *task));
      };
      char byte;
      if (!become(1001, 2)) return 90;
      const int fd = Connected(type, kAllowed, 443);
      if (fd < 0) return 91;
      send(fd, "a", 1, 0);
      if (read(go[1], &byte, 1) != 1) return 92;
      auto child = Child::Fork([&] {
        if (!become(1002, 0)) return 93;
        return send(fd, "b", 1, 0) < 0 ? errno : 0;
      });
      if (!child) return 94;
      const int error = WEXITSTATUS(child->Wait());
      if (write(go[1], "x", 1) != 1 || read(go[1], &byte, 1) != 1) return 95;
      send(fd, "c", 1, 0);
      if (read(go[1], &byte, 1) != 1) return 96;
      return error;
    });
    if (!job) return 97;
    const int peer = type == SOCK_STREAM ? accept(server, nullptr, nullptr) : server;
    int arrived = Arrives(peer) ? 1 : 0;
    char byte = 'x';
    if (write(go[0], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) return 96;
    arrived |= Arrives(peer) ? 2 : 0;
    if (write(go[0], &byte, 1) != 1) return 95;
    arrived |= Arrives(peer) ? 4 : 0;
    if (write(go[0], &byte, 1) != 1) return 94;
    const int error = WEXITSTATUS(job->Wait());
    if (error != (type == SOCK_STREAM ? 0 : EPERM)) return 50 + error;
    return arrived;
  });
}

TEST(Shared, DatagramsAreForTheImageThatSends) {
  auto made = World::Create(WEIR_MODE_BLOCK, WEIR_S_PROCESS);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17, 3, /*proc_mask=*/2));
  EXPECT_EQ(SharedBetweenImages(*world, SOCK_DGRAM), 1 | 4);
  bool named = false;
  for (const weir_flow_event& event : world->FlowEvents())
    named |= event.why == WEIR_WHY_PROCESS && event.event.exec_id == 1002 && event.rule_id == 3;
  EXPECT_TRUE(named);
}

// A stream's bytes are one queue: what the wrong image wrote would leave with the next segment of an image with the
// right, or from a timer. So nothing leaves any more.
TEST(Shared, StreamsAreForTheImageThatSends) {
  auto made = World::Create(WEIR_MODE_BLOCK, WEIR_S_PROCESS);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 6, 3, /*proc_mask=*/2));
  EXPECT_EQ(SharedBetweenImages(*world, SOCK_STREAM), 1);
  bool by_image = false, stuck = false;
  for (const weir_flow_event& event : world->FlowEvents()) {
    by_image |= event.why == WEIR_WHY_PROCESS && event.event.exec_id == 1002;
    stuck |= event.why == WEIR_WHY_STUCK && event.event.exec_id == 1001;
  }
  EXPECT_TRUE(by_image);
  EXPECT_TRUE(stuck);
}

}  // namespace
}  // namespace weir::lab
