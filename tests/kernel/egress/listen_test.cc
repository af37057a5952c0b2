// SPDX-License-Identifier: Apache-2.0
// A job that can be reached from outside is told of, with its process; one that only listens to its own host is not.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "tests/kernel/egress/world.h"
#include "tests/kernel/lab/says.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262  // include/uapi/linux/in.h, since Linux 5.6
#endif

namespace weir::lab {
namespace {

struct Case {
  const char* name;
  const char* address;
  std::uint16_t port;
  int protocol;
  std::uint64_t value;  ///< 0: nobody speaks of it
};

constexpr std::uint64_t Of(std::uint16_t port, std::uint8_t protocol, std::uint64_t rest) {
  return port | std::uint64_t{protocol} << WEIR_LISTEN_PROTOCOL_SHIFT | rest;
}

const Case kCases[] = {
    {"All", "0.0.0.0", 18080, IPPROTO_TCP, Of(18080, IPPROTO_TCP, 0)},
    {"AllOfBothFamilies", "::", 18080, IPPROTO_TCP, Of(18080, IPPROTO_TCP, WEIR_LISTEN_ANY6)},
    {"Loopback", "127.0.0.1", 18080, IPPROTO_TCP, 0},
    {"FurtherLoopback", "127.8.0.1", 18080, IPPROTO_TCP, 0},
    {"Loopback6", "::1", 18080, IPPROTO_TCP, 0},
    {"MappedLoopback", "::ffff:127.0.0.1", 18080, IPPROTO_TCP, 0},
    {"Mapped", "::ffff:192.0.2.77", 18080, IPPROTO_TCP,
     Of(18080, IPPROTO_TCP, std::uint64_t{0x4d0200c0} << WEIR_LISTEN_ADDRESS_SHIFT)},
    {"One", "192.0.2.77", 18080, IPPROTO_TCP,
     Of(18080, IPPROTO_TCP, std::uint64_t{0x4d0200c0} << WEIR_LISTEN_ADDRESS_SHIFT)},
    {"One6", "2001:db8::77", 18080, IPPROTO_TCP, Of(18080, IPPROTO_TCP, WEIR_LISTEN_ONE6)},
    {"Unbound", nullptr, 0, IPPROTO_TCP, Of(0, IPPROTO_TCP, 0)},
    {"Mptcp", "0.0.0.0", 18080, IPPROTO_MPTCP, Of(18080, IPPROTO_TCP, 0)},
};

/// Binds, without looking whether the address is here, and listens. errno, or 0.
int Listen(const Case& c) {
  const bool v6 = c.address && std::strchr(c.address, ':');
  const Fd fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, c.protocol));
  if (!fd) return errno;
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd.get(), SOL_IP, IP_FREEBIND, &on, sizeof(on));
  setsockopt(fd.get(), SOL_IPV6, IPV6_FREEBIND, &on, sizeof(on));
  if (c.address) {
    const Address address = ParseAddress(c.address);
    sockaddr_in at4{};
    sockaddr_in6 at6{};
    at4.sin_family = AF_INET;
    at6.sin6_family = AF_INET6;
    at4.sin_port = at6.sin6_port = htons(c.port);
    std::memcpy(&at4.sin_addr, address.data() + 12, 4);
    std::memcpy(&at6.sin6_addr, address.data(), 16);
    const int failed = v6 ? bind(fd.get(), reinterpret_cast<const sockaddr*>(&at6), sizeof(at6))
                          : bind(fd.get(), reinterpret_cast<const sockaddr*>(&at4), sizeof(at4));
    if (failed) return errno;
  }
  return listen(fd.get(), 1) ? errno : 0;
}

std::vector<weir_finding_event> Listeners(World& world) {
  std::vector<weir_finding_event> found;
  for (const Record& record : world.rings().Take()) {
    if (record.kind() != WEIR_E_FINDING) continue;
    const auto finding = record.As<weir_finding_event>();
    if (finding.finding == WEIR_F_LISTENER) found.push_back(finding);
  }
  return found;
}

class Listener : public testing::TestWithParam<Case> {};

TEST_P(Listener, IsToldOfWhereItCanBeReached) {
  const Case& c = GetParam();
  auto world = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world) << world.error().what;
  if (Listen(c) != 0) {
    SayAbsent(c.name);
    return;
  }
  EXPECT_TRUE(Listeners(**world).empty()) << "outside the job";
  const auto twice = [&] {
    const int failed = Listen(c);
    return failed ? failed : Listen(c);
  };
  ASSERT_EQ((*world)->InJob(twice), 0);
  const auto found = Listeners(**world);
  ASSERT_EQ(found.size(), c.value ? 1u : 0u) << "once for each image";
  if (!c.value) return;
  EXPECT_EQ(found[0].value, c.value);
  EXPECT_EQ(found[0].event.scope_id, World::kScope);
  EXPECT_NE(found[0].event.exec_id, 0u);
}

INSTANTIATE_TEST_SUITE_P(Table, Listener, testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace weir::lab
