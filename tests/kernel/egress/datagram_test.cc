// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>

#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

struct Case {
  const char* name;
  const char* address;
  int family;                 // of the socket; 0: the address's
  std::uint16_t name_family;  // in the address; 0: its own, 0xffff: AF_UNSPEC
  bool allowed;
};

class DatagramTable : public testing::TestWithParam<Case> {};

TEST_P(DatagramTable, IsJudgedByItsAddress) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.10", 443, 17));
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "2001:db8::10", 443, 17));
  const Case& c = GetParam();
  EXPECT_EQ(world->InJob([&] {
    if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32", "2001:db8::10/128", "2001:db8::11/128"})) return 99;
    return TrySendTo(c.address, 443, c.family, c.name_family);
  }),
            c.allowed ? 0 : EPERM);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_SENDMSG, c.allowed ? WEIR_ALLOW : WEIR_DENY), 1u);
}

INSTANTIATE_TEST_SUITE_P(Table, DatagramTable,
                         testing::Values(Case{"V4", "192.0.2.10", 0, 0, true},
                                         Case{"V4Other", "192.0.2.11", 0, 0, false},
                                         Case{"V6", "2001:db8::10", 0, 0, true},
                                         Case{"V6Other", "2001:db8::11", 0, 0, false},
                                         Case{"FamilyUnspecified", "192.0.2.11", 0, 0xffff, false},
                                         Case{"FamilyUnspecifiedAllowed", "192.0.2.10", 0, 0xffff, true},
                                         Case{"Mapped", "::ffff:192.0.2.10", 0, 0, true},
                                         Case{"MappedOther", "::ffff:192.0.2.11", 0, 0, false},
                                         Case{"V4AddressOnV6Socket", "192.0.2.11", AF_INET6, 0, false}),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Datagram, EachOfManyMessagesIsJudged) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.10", 443, 17));
  // sendmmsg: allowed, allowed, refused. The first two leave, the third stops the call.
  EXPECT_EQ(world->InJob([] {
    if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
    sockaddr_in to[3]{};
    iovec data{const_cast<char*>("x"), 1};
    mmsghdr messages[3]{};
    for (int i = 0; i < 3; i++) {
      to[i].sin_family = AF_INET;
      to[i].sin_port = htons(443);
      std::memcpy(&to[i].sin_addr, ParseAddress(i == 2 ? "192.0.2.11" : "192.0.2.10").data() + 12, 4);
      messages[i].msg_hdr.msg_name = &to[i];
      messages[i].msg_hdr.msg_namelen = sizeof(to[i]);
      messages[i].msg_hdr.msg_iov = &data;
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    return sendmmsg(fd.get(), messages, 3, 0);
  }),
            2);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_SENDMSG, WEIR_ALLOW), 2u);
  EXPECT_EQ(world->Verdicts(WEIR_HOOK_SENDMSG, WEIR_DENY), 1u);
}

TEST(Datagram, OtherAddressOnAConnectedSocketIsJudged) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, "192.0.2.10", 443, 17));
  EXPECT_EQ(world->InJob([] {
    if (!OwnNetwork({"192.0.2.10/32", "192.0.2.11/32"})) return 99;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(443);
    std::memcpy(&to.sin_addr, ParseAddress("192.0.2.10").data() + 12, 4);
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to))) return 98;
    std::memcpy(&to.sin_addr, ParseAddress("192.0.2.11").data() + 12, 4);
    return sendto(fd.get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)) < 0 ? errno : 0;
  }),
            EPERM);
}

}  // namespace
}  // namespace weir::lab
