// SPDX-License-Identifier: Apache-2.0
// What an answer leaves in weir_learned.
#include <time.h>

#include "tests/kernel/dns/probe.h"

namespace weir::lab {
namespace {

using dnstest::Address;
using dnstest::Answer;
using dnstest::Bytes;
using dnstest::kA;
using dnstest::kAaaa;
using dnstest::kCname;
using dnstest::Message;
using dnstest::Query;
using dnstest::V4;
using dnstest::Wire;

constexpr std::string_view kWww = "www.example.org";

std::uint64_t BootNs() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000000u + static_cast<std::uint64_t>(now.tv_nsec);
}

Bytes One(const Address& address) {
  return Answer(kWww, kA, 1).Pointer(12).A(address[12], address[13], address[14], address[15]).bytes();
}

class DnsLearned : public DnsProbe {};

TEST_F(DnsLearned, AChainTeachesUnderTheNameThatWasAsked) {
  AddName(kWww, WEIR_NAME_EXACT, 7, {{443, kTcp}, {123, kUdp, 17}});
  Message answer = Answer(kWww, kA, 3).Pointer(12).Record(kCname, Wire("edge.example.net"));
  answer.Name("edge.example.net").A(192, 0, 2, 1).Name("edge.example.net").A(192, 0, 2, 2);
  EXPECT_EQ(Judge(Query(kWww), {answer.bytes()}).answer.n_new, 6u);
  for (const Address& address : {V4(192, 0, 2, 1), V4(192, 0, 2, 2)}) {
    const auto tcp = Learned(address), udp = Learned(address, 123, kUdp), name = Learned(address, 0, 0);
    ASSERT_TRUE(tcp && udp && name);
    EXPECT_EQ(tcp->rule_id, 7u);
    EXPECT_EQ(tcp->proc_mask, WEIR_PROC_ANY);
    EXPECT_EQ(tcp->flags, 0u);
    EXPECT_EQ(tcp->expiry_ns, 0u);
    EXPECT_EQ(udp->rule_id, 17u);
    EXPECT_EQ(name->flags, WEIR_L_NAME_ONLY);
    EXPECT_EQ(name->proc_mask, 0u);
    EXPECT_EQ(Bytes(tcp->name, tcp->name + 17), Wire(kWww));
  }
  EXPECT_EQ(LearnedEntries(), 6u);
}

TEST_F(DnsLearned, Ipv6AndNat64) {
  AddName(kWww, WEIR_NAME_EXACT, 7);
  const Address v6 = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  const Address nat64 = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1};
  Judge(Query(kWww, kAaaa), {Answer(kWww, kAaaa, 2).Pointer(12).Aaaa(v6).Pointer(12).Aaaa(nat64).bytes()});
  EXPECT_TRUE(Learned(v6));
  EXPECT_TRUE(Learned(V4(192, 0, 2, 1)));
  EXPECT_FALSE(Learned(nat64));
}

TEST_F(DnsLearned, AnyPortHasItsOwnMark) {
  AddName(kWww, WEIR_NAME_EXACT, 7, {{0, kTcp}});
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  ASSERT_TRUE(Learned(V4(192, 0, 2, 1), 0, kTcp));
  EXPECT_EQ(Learned(V4(192, 0, 2, 1), 0, kTcp)->flags, WEIR_L_ANY_PORT);
}

TEST_F(DnsLearned, SixtyFourAddressesOfEightPorts) {
  std::vector<Port> ports;
  for (std::uint16_t i = 0; i < WEIR_NAME_PORTS; i++) ports.push_back({static_cast<std::uint16_t>(8000 + i), kTcp});
  AddName(kWww, WEIR_NAME_EXACT, 7, ports);
  Message answer = Answer(kWww, kA, 64);
  for (unsigned i = 0; i < 64; i++) answer.Pointer(12).A(192, 0, 2, static_cast<std::uint8_t>(i + 1));
  EXPECT_EQ(Judge(Query(kWww), {answer.bytes()}).answer.n_new, 64u * 9);
  EXPECT_EQ(LearnedEntries(), 64u * 9);
  for (unsigned i = 0; i < 64; i++)
    for (std::uint16_t port = 8000; port < 8008; port++)
      EXPECT_TRUE(Learned(V4(192, 0, 2, static_cast<std::uint8_t>(i + 1)), port)) << i << ":" << port;
}

TEST_F(DnsLearned, PermissionsOfSeveralNamesAddUp) {
  AddName(kWww, WEIR_NAME_EXACT, 7, {{443, kTcp, 7, 1}});
  weir_learned old{};
  old.proc_mask = 2;
  old.rule_id = 5;
  PutLearned(V4(192, 0, 2, 1), old);
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->proc_mask, 3u);
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->rule_id, 5u);
}

TEST_F(DnsLearned, AnUnboundRuleReplacesABoundOne) {
  AddName(kWww, WEIR_NAME_EXACT, 7);
  weir_learned old{};
  old.proc_mask = 2;
  old.rule_id = 5;
  PutLearned(V4(192, 0, 2, 1), old);
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->proc_mask, WEIR_PROC_ANY);
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->rule_id, 7u);
}

TEST_F(DnsLearned, ABoundRuleLeavesAnUnboundOne) {
  AddName(kWww, WEIR_NAME_EXACT, 7, {{443, kTcp, 7, 1}});
  weir_learned old{};
  old.proc_mask = WEIR_PROC_ANY;
  old.rule_id = 5;
  PutLearned(V4(192, 0, 2, 1), old);
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->proc_mask, WEIR_PROC_ANY);
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->rule_id, 5u);
}

TEST_F(DnsLearned, AnExpiredEntryGivesNothingToItsSuccessor) {
  AddName(kWww, WEIR_NAME_EXACT, 7, {{443, kTcp, 7, 1}});
  SetScope(WEIR_MODE_BLOCK, 60000000000u);
  weir_learned old{};
  old.proc_mask = WEIR_PROC_ANY;
  old.rule_id = 5;
  old.expiry_ns = 1;
  PutLearned(V4(192, 0, 2, 1), old);
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->proc_mask, 1u);
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->rule_id, 7u);
}

TEST_F(DnsLearned, MaxAgeSetsAndRefreshesTheExpiry) {
  AddName(kWww, WEIR_NAME_EXACT, 7);
  SetScope(WEIR_MODE_BLOCK, 60000000000u);
  const auto before = BootNs();
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  const auto first = Learned(V4(192, 0, 2, 1))->expiry_ns;
  EXPECT_GE(first, before + 60000000000u);
  EXPECT_LE(first, BootNs() + 60000000000u);
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  EXPECT_GT(Learned(V4(192, 0, 2, 1))->expiry_ns, first);
}

TEST_F(DnsLearned, TheLatestNameStands) {
  AddName(kWww, WEIR_NAME_EXACT, 7);
  AddName("two.example.org", WEIR_NAME_EXACT, 8);
  Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  const auto out =
      Judge(Query("two.example.org"), {Answer("two.example.org", kA, 1).Pointer(12).A(192, 0, 2, 1).bytes()});
  EXPECT_EQ(out.answer.n_new, 0u);
  const auto name = Learned(V4(192, 0, 2, 1), 0, 0);
  EXPECT_EQ(Bytes(name->name, name->name + 17), Wire("two.example.org"));
}

TEST_F(DnsLearned, AFullShareIsCountedAndTold) {
  AddName(kWww, WEIR_NAME_EXACT, 7);
  SetUsage(WEIR_MAX_SCOPE_LEARNED, 0);
  const auto out = Judge(Query(kWww), {One(V4(192, 0, 2, 1))});
  EXPECT_EQ(out.answer.n_lost, 2u);
  EXPECT_EQ(out.answer.n_new, 0u);
  EXPECT_EQ(Count(WEIR_C_LEARNED_FULL), 2u);
  EXPECT_EQ(LearnedEntries(), 0u);
  EXPECT_EQ(Usage().learned, WEIR_MAX_SCOPE_LEARNED);
}

TEST_F(DnsLearned, AnAllowedNameDoesNotOpenTheMetadataService) {
  AddName("example.net", WEIR_NAME_BELOW, 7, {{80, kTcp}});
  Message answer = Answer("rebind.example.net", kA, 2).Pointer(12).A(169, 254, 169, 254);
  const auto out = Judge(Query("rebind.example.net"), {answer.Pointer(12).A(192, 0, 2, 1).bytes()});
  EXPECT_EQ(out.answer.n_barred, 1u);
  EXPECT_FALSE(Learned(V4(169, 254, 169, 254), 80));
  EXPECT_TRUE(Learned(V4(169, 254, 169, 254), 0, 0)) << "the report still says what it was called";
  EXPECT_TRUE(Learned(V4(192, 0, 2, 1), 80));
}

}  // namespace
}  // namespace weir::lab
