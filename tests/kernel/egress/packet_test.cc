// SPDX-License-Identifier: Apache-2.0
// What only the packet programs can see. Each case runs in a network namespace of its own, with the peers' addresses on
// its loopback device: not loopback addresses, so they are judged.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

constexpr const char* kAllowed = "192.0.2.10";
constexpr const char* kOther = "192.0.2.11";

sockaddr_in At(const char* address, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  std::memcpy(&to.sin_addr, ParseAddress(address).data() + 12, 4);
  return to;
}

int Listen(const char* address, std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in at = At(address, port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) || listen(fd, 8)) return -1;
  return fd;
}

// Waits at most two seconds for data; what arrived, or -1.
int Receive(int fd) {
  const timeval limit{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  char buffer[64];
  return static_cast<int>(recv(fd, buffer, sizeof(buffer), 0));
}

TEST(Packet, TcpFlowCountsItsBytesBothWays) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 6));
  auto outside = world->root().CreateChild("outside");
  ASSERT_TRUE(outside);
  // The namespace and the server are the outside's; the client joins the job.
  EXPECT_EQ(world->InCgroup(*outside,
                            [&] {
                              if (!OwnNetwork({"192.0.2.10/32"})) return 99;
                              const int server = Listen(kAllowed, 443);
                              auto client = Child::RunIn(world->job(), [] {
                                const Fd fd(socket(AF_INET, SOCK_STREAM, 0));
                                const sockaddr_in to = At(kAllowed, 443);
                                if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return errno;
                                char buffer[1000] = {};
                                for (int i = 0; i < 100; i++)
                                  if (send(fd.get(), buffer, sizeof(buffer), 0) != sizeof(buffer)) return 97;
                                shutdown(fd.get(), SHUT_WR);
                                return recv(fd.get(), buffer, 3, MSG_WAITALL) == 3 ? 0 : 96;
                              });
                              if (!client) return 95;
                              const int peer = accept(server, nullptr, nullptr);
                              char buffer[4096];
                              while (recv(peer, buffer, sizeof(buffer), 0) > 0) {
                              }
                              if (send(peer, "yes", 3, 0) != 3) return 94;
                              close(peer);
                              return WEXITSTATUS(client->Wait());
                            }),
            0);
  for (const auto& [key, flow] : world->Flows()) {
    if (key.hook != WEIR_HOOK_CONNECT) continue;
    EXPECT_GE(flow.bytes_out, 100'000u);
    EXPECT_LT(flow.bytes_out, 150'000u);  // headers included
    EXPECT_GE(flow.bytes_in, 3u);
    EXPECT_GE(flow.packets_out, 2u);
    EXPECT_GE(flow.packets_in, 2u);
    EXPECT_EQ(flow.count, 1u);
    return;
  }
  FAIL() << "no flow";
}

TEST(Packet, ReplyToAPeerOutsideIsJudgedLikeAnyEgress) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  auto outside = world->root().CreateChild("outside");
  ASSERT_TRUE(outside);
  // A job's listener, a stranger's connect: the SYN-ACK never leaves, so the connect times out.
  EXPECT_EQ(world->InCgroup(*outside,
                            [&] {
                              if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
                              auto server = Child::RunIn(world->job(), [] {
                                const int fd = Listen(kAllowed, 443);
                                return accept(fd, nullptr, nullptr) >= 0 ? 1 : 0;
                              });
                              if (!server) return 98;
                              const Fd client(socket(AF_INET, SOCK_STREAM, 0));
                              const sockaddr_in from = At(kOther, 0), to = At(kAllowed, 443);
                              if (bind(client.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from))) return 97;
                              const timeval limit{1, 0};
                              setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
                              usleep(200'000);
                              if (!connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 96;
                              return errno == EINPROGRESS || errno == EAGAIN ? 0 : errno;
                            }),
            0);
  EXPECT_GE(world->Verdicts(WEIR_HOOK_PACKET, WEIR_DENY), 1u);
}

TEST(Packet, RawPacketsAreJudgedWhereTheKindIsAdmitted) {
  auto made = World::Create(WEIR_MODE_BLOCK, WEIR_S_ANY_PORT, WEIR_KIND_RAW);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 0, 0));
  const auto send_raw = [&](const char* address) {
    return world->InJob([&] {
      if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
      const Fd fd(socket(AF_INET, SOCK_RAW, 253));  // experimental, RFC 3692
      const sockaddr_in to = At(address, 0);
      return sendto(fd.get(), "payload", 7, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(send_raw(kAllowed), 0);
  EXPECT_EQ(send_raw(kOther), EPERM);
}

TEST(Packet, FragmentMadeByHandIsRefused) {
  auto made = World::Create(WEIR_MODE_BLOCK, WEIR_S_ANY_PORT, WEIR_KIND_RAW);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 0, 0));
  EXPECT_EQ(world->InJob([&] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    const Fd fd(socket(AF_INET, SOCK_RAW, IPPROTO_RAW));
    struct {
      iphdr ip;
      char data[16];
    } packet{};
    packet.ip.version = 4;
    packet.ip.ihl = 5;
    packet.ip.ttl = 64;
    packet.ip.protocol = IPPROTO_UDP;
    packet.ip.frag_off = htons(10);
    packet.ip.tot_len = htons(sizeof(packet));
    std::memcpy(&packet.ip.daddr, ParseAddress(kAllowed).data() + 12, 4);
    const sockaddr_in to = At(kAllowed, 0);
    return sendto(fd.get(), &packet, sizeof(packet), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno
                                                                                                                : 0;
  }),
            EPERM);
}

TEST(Packet, UdpConnectWhereTcpMayGoIsAQuestionAndNoLicence) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 6));
  // As getaddrinfo does it: the connect is answered and not recorded, a datagram is refused.
  EXPECT_EQ(world->InJob([] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    const sockaddr_in to = At(kAllowed, 443);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 98;
    return send(fd.get(), "x", 1, 0) < 0 ? errno : 0;
  }),
            EPERM);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 0u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_PACKET, WEIR_DENY), 1u);
}

TEST(Packet, SourcePort53IsRefused) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  EXPECT_EQ(world->InJob([&] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    const sockaddr_in from = At("127.0.0.53", 53), to = At("127.0.0.1", 4000);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof(from))) return 98;
    return sendto(fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno : 0;
  }),
            EPERM);
}

// A connected socket in the job that has sent already; `change` happens in between. errno of the second send.
int SecondSend(World& world, const std::function<bool()>& change) {
  int go[2], ready[2];
  if (pipe(go) || pipe(ready)) return -1;
  auto child = Child::RunIn(world.job(), [&] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    const Fd server(socket(AF_INET, SOCK_DGRAM, 0)), fd(socket(AF_INET, SOCK_DGRAM, 0));
    const sockaddr_in to = At(kAllowed, 443);
    if (bind(server.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 98;
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 97;
    if (send(fd.get(), "x", 1, 0) != 1 || Receive(server.get()) != 1) return 96;
    char byte = 'r';
    if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) return 95;
    return send(fd.get(), "x", 1, 0) < 0 ? errno : 0;
  });
  char byte = 0;
  const bool changed = child && read(ready[0], &byte, 1) == 1 && change() && write(go[1], "g", 1) == 1;
  const int result = changed ? WEXITSTATUS(child->Wait()) : -1;
  for (const int fd : {go[0], go[1], ready[0], ready[1]}) close(fd);
  return result;
}

TEST(Packet, ANewPolicyGenerationReachesOpenFlows) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  EXPECT_EQ(SecondSend(*world,
                       [&] {
                         weir_addr_key key{};
                         key.scope_id = World::kScope;
                         key.table = WEIR_TABLE_ALLOW;
                         key.proto = 17;
                         key.port = htons(443);
                         std::memcpy(key.addr, ParseAddress(kAllowed).data(), 16);
                         weir_scope scope{};
                         scope.generation = 2;
                         scope.mode = WEIR_MODE_BLOCK;
                         return MapDelete(world->egress().maps.weir_exact, key) &&
                                world->PutScope(World::kScope, scope);
                       }),
            EPERM);
}

// The end of a job changes no rule and no generation, and still nothing leaves that was open.
TEST(Packet, TheEndOfAScopeReachesOpenFlows) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kAllowed, 443, 17));
  EXPECT_EQ(SecondSend(*world,
                       [&] {
                         weir_scope scope{};
                         scope.generation = 1;
                         scope.mode = WEIR_MODE_BLOCK;
                         scope.flags = WEIR_S_ENDED;
                         return static_cast<bool>(world->PutScope(World::kScope, scope));
                       }),
            EPERM);
}

// Loopback addresses are allowed because they stay here. A root job can take their route away from the loopback device.
TEST(Packet, LoopbackAddressesDoNotLeave) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  const auto routed_out = [&](std::uint16_t port) {
    return world->InJob([=] {
      if (!OwnNetwork({})) return 99;
      // Of one's own before and after: a kept verdict must not follow the route.
      const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
      const sockaddr_in to = At("127.5.0.9", port);
      if (port != 53 && sendto(fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 1) return 98;
      // Not every kernel has both kinds, and busybox's ip makes only one.
      if (std::system("ip link add weird0 type dummy || ip link add weird0 type veth peer name weird1 || exit 1;"
                      "ip link set weird1 up; ip addr add 192.0.2.1/24 dev weird0 && ip link set weird0 up &&"
                      "ip route del local 127.0.0.0/8 dev lo table local && ip route add 127.5.0.0/16 dev weird0"))
        return 97;
      return sendto(fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(routed_out(9), EPERM);
  EXPECT_EQ(routed_out(53), EPERM);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_PACKET, WEIR_DENY), 2u);
}

}  // namespace
}  // namespace weir::lab
