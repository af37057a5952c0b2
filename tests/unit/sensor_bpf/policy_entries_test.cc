// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/policy_entries.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstring>
#include <string>

#include "bpf/name.h"

namespace weir::sensor_bpf {
namespace {

constexpr std::uint64_t kSeed = 42;
const std::string kName("\3www\7example\3org\0", 17);

std::optional<FileIdentity> NoFile(const std::string&) { return std::nullopt; }

policy::AddressRule Rule(bool deny, std::uint8_t prefix, std::uint16_t port, std::uint8_t protocol) {
  policy::AddressRule rule;
  rule.deny = deny;
  rule.prefix_bits = prefix;
  rule.port = port;
  rule.protocol = protocol;
  rule.address[15] = 1;
  rule.rule_id = 9;
  return rule;
}

Result<PolicyEntries> Convert(const policy::CompiledPolicy& policy, const FindExecutable& find = NoFile,
                              std::vector<std::string> search = {}) {
  return ToEntries(5, policy, search, kSeed, find);
}

TEST(PolicyEntries, PutsHostsAndPrefixesIntoTheirTables) {
  policy::CompiledPolicy policy;
  policy.addresses = {Rule(false, 128, 443, 6), Rule(true, 120, 0, 0)};
  auto entries = Convert(policy);
  ASSERT_TRUE(entries) << entries.error().what;
  ASSERT_EQ(entries->exact.keys.size(), 1u);
  EXPECT_EQ(entries->exact.keys[0].scope_id, 5u);
  EXPECT_EQ(entries->exact.keys[0].port, htons(443));
  EXPECT_EQ(entries->exact.keys[0].table, WEIR_TABLE_ALLOW);
  EXPECT_EQ(entries->exact.values[0].rule_id, 9u);
  ASSERT_EQ(entries->cidr.keys.size(), 1u);
  EXPECT_EQ(entries->cidr.keys[0].prefixlen, WEIR_CIDR_FIXED_BITS + 120);
  EXPECT_EQ(entries->cidr.keys[0].rule.table, WEIR_TABLE_DENY);
}

struct Row {
  const char* name;
  policy::AddressRule rule;
  std::uint32_t flags;
};

class FlagsTest : public ::testing::TestWithParam<Row> {};

TEST_P(FlagsTest, SaysWhichTablesHoldAnything) {
  policy::CompiledPolicy policy;
  policy.addresses = {GetParam().rule};
  EXPECT_EQ(Convert(policy)->flags, GetParam().flags);
}

INSTANTIATE_TEST_SUITE_P(Rules, FlagsTest,
                         ::testing::Values(Row{"AllowHost", Rule(false, 128, 1, 6), 0},
                                           Row{"AllowPrefix", Rule(false, 24, 1, 6), WEIR_S_ALLOW_CIDR},
                                           Row{"DenyHost", Rule(true, 128, 1, 6), WEIR_S_DENY_EXACT},
                                           Row{"DenyPrefix", Rule(true, 24, 1, 6), WEIR_S_DENY_CIDR},
                                           Row{"AnyPort", Rule(false, 128, 0, 6), WEIR_S_ANY_PORT}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(PolicyEntries, SaysWhenLoopbackIsDenied) {
  policy::CompiledPolicy policy;
  policy.loopback = false;
  EXPECT_EQ(Convert(policy)->flags, WEIR_S_NO_LOOPBACK);
}

TEST(PolicyEntries, HashesNamesAsTheKernelDoes) {
  policy::CompiledPolicy policy;
  policy.names = {{kName, false, false, 3, {{1, 4, 443, 6}, {policy::kAnyProcess, 5, 0, 17}}},
                  {kName, true, true, 6, {}}};
  auto entries = Convert(policy, NoFile, {std::string("\4corp\0", 6), std::string("\0", 1)});
  ASSERT_TRUE(entries) << entries.error().what;
  ASSERT_EQ(entries->names.keys.size(), 3u) << "the root as a search suffix adds nothing";
  const weir_name_key& key = entries->names.keys[0];
  EXPECT_EQ(key.hash, weir_name_hash(kSeed, reinterpret_cast<const __u8*>(kName.data()), kName.size()));
  EXPECT_EQ(key.len, 17u);
  EXPECT_EQ(key.kind, WEIR_NAME_EXACT);
  const weir_name& value = entries->names.values[0];
  EXPECT_EQ(value.n_ports, 2u);
  EXPECT_EQ(value.ports[0].port, htons(443));
  EXPECT_EQ(std::memcmp(value.name, kName.data(), kName.size()), 0);
  EXPECT_EQ(entries->names.keys[1].kind, WEIR_NAME_BELOW);
  EXPECT_EQ(entries->names.values[1].flags, WEIR_N_DENY);
  EXPECT_EQ(entries->names.keys[2].kind, WEIR_NAME_SEARCH);
  EXPECT_EQ(entries->flags, WEIR_S_PROCESS);
}

TEST(PolicyEntries, JoinsTheMasksOfAnExecutableOnSeveralLists) {
  policy::CompiledPolicy policy;
  policy.process_sets = {{{"/bin/a", "/gone"}, {"node"}}, {{"/bin/link-to-a"}, {"node"}}};
  auto entries = Convert(policy, [](const std::string& path) -> std::optional<FileIdentity> {
    if (path == "/gone") return std::nullopt;
    return FileIdentity{8, 77};
  });
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->executables.keys.size(), 1u);
  EXPECT_EQ(entries->executables.values[0], 0b11u);
  ASSERT_EQ(entries->executable_names.keys.size(), 1u);
  EXPECT_EQ(entries->executable_names.values[0], 0b11u);
  EXPECT_EQ(entries->not_found, std::vector<std::string>{"/gone"});
}

TEST(PolicyEntries, RefusesWhatNoLookupWouldFind) {
  policy::CompiledPolicy any_protocol;
  any_protocol.addresses = {Rule(true, 128, 53, 0)};
  EXPECT_FALSE(Convert(any_protocol));
  policy::CompiledPolicy not_wire;
  not_wire.names = {{"www.example.org", false, false, 1, {}}};
  EXPECT_FALSE(Convert(not_wire));
  policy::CompiledPolicy too_many_ports;
  too_many_ports.names = {{kName, false, false, 1, std::vector<policy::NamePort>(9)}};
  EXPECT_FALSE(Convert(too_many_ports));
  policy::CompiledPolicy too_many_lists;
  too_many_lists.process_sets.resize(64);
  EXPECT_FALSE(Convert(too_many_lists));
}

TEST(FindExecutableOnHost, KnowsAFileByItsSuperBlock) {
  const auto file = FindExecutableOnHost("/proc/self/exe");
  ASSERT_TRUE(file);
  struct stat info {};
  ASSERT_EQ(::stat("/proc/self/exe", &info), 0);
  EXPECT_EQ(file->inode, info.st_ino);
  EXPECT_NE(file->device, 0u);
  EXPECT_FALSE(FindExecutableOnHost("/no/such/file"));
  EXPECT_FALSE(FindExecutableOnHost("/usr")) << "a directory runs nothing";
}

}  // namespace
}  // namespace weir::sensor_bpf
