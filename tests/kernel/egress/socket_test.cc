// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tests/kernel/egress/world.h"
#include "tests/kernel/lab/says.h"

namespace weir::lab {
namespace {

struct Case {
  const char* name;
  int family, type, protocol;
  std::uint32_t kind;  // 0: always admitted
};

class SocketKind : public testing::TestWithParam<Case> {};

int Make(const Case& c) {
  const Fd fd(socket(c.family, c.type, c.protocol));
  return fd ? 0 : errno;
}

// What a kernel does not have at all (a module that is not there) it refuses by itself, scope or not.
bool KernelHas(const Case& c) { return Make(c) == 0; }

TEST_P(SocketKind, NeedsThePolicyToAdmitIt) {
  const Case& c = GetParam();
  const bool exists = KernelHas(c);
  if (!exists) SayAbsent(c.name);
  for (const bool admitted : {false, true}) {
    auto world = World::Create(WEIR_MODE_BLOCK, 0, admitted ? c.kind : 0);
    ASSERT_TRUE(world) << world.error().what;
    const int want = exists ? (c.kind && !admitted ? EPERM : 0) : Make(c);
    EXPECT_EQ((*world)->InJob([&] { return Make(c); }), want) << "admitted: " << admitted;
    EXPECT_EQ((*world)->Verdicts(WEIR_HOOK_SOCKET, WEIR_DENY), want == EPERM && exists ? 1u : 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Table, SocketKind,
                         testing::Values(Case{"Tcp", AF_INET, SOCK_STREAM, 0, 0},
                                         Case{"Tcp6", AF_INET6, SOCK_STREAM, 0, 0},
                                         Case{"Udp", AF_INET, SOCK_DGRAM, 0, 0},
                                         Case{"Udp6", AF_INET6, SOCK_DGRAM, 0, 0},
                                         Case{"Mptcp", AF_INET, SOCK_STREAM, 262, 0},
                                         Case{"RawIcmp", AF_INET, SOCK_RAW, IPPROTO_ICMP, WEIR_KIND_RAW},
                                         Case{"RawOwnHeader", AF_INET, SOCK_RAW, IPPROTO_RAW, WEIR_KIND_RAW},
                                         Case{"RawTcp", AF_INET, SOCK_RAW, IPPROTO_TCP, WEIR_KIND_RAW},
                                         Case{"RawUdpV6", AF_INET6, SOCK_RAW, IPPROTO_UDP, WEIR_KIND_RAW},
                                         Case{"UdpLite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, WEIR_KIND_UDPLITE},
                                         Case{"Sctp", AF_INET, SOCK_STREAM, IPPROTO_SCTP, WEIR_KIND_SCTP}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Socket, AuditSeesAForbiddenKind) {
  auto world = World::Create(WEIR_MODE_AUDIT);
  ASSERT_TRUE(world) << world.error().what;
  EXPECT_EQ((*world)->InJob([] { return Make(Case{"", AF_INET, SOCK_RAW, IPPROTO_ICMP, 0}); }), 0);
  const auto events = (*world)->FlowEvents();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].hook, WEIR_HOOK_SOCKET);
  EXPECT_EQ(events[0].why, WEIR_WHY_SOCKET_KIND);
  EXPECT_EQ(events[0].socket_kind, unsigned{AF_INET} << 24 | SOCK_RAW << 16 | IPPROTO_ICMP);
}

}  // namespace
}  // namespace weir::lab
