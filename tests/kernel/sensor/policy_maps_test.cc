// SPDX-License-Identifier: Apache-2.0
// The sensor's side of the tables, with the real maps.
#include "sensor/bpf/policy_maps.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <filesystem>
#include <optional>

#include "sensor/bpf/programs.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/pin_dir.h"

namespace weir::sensor_bpf {
namespace {

policy::Address V4(std::uint32_t host_order) {
  policy::Address address{};
  address[10] = address[11] = 0xff;
  for (int i = 0; i < 4; ++i)
    address[static_cast<std::size_t>(12 + i)] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return address;
}

class PolicyMapsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto cgroup = lab::TempCgroup::Create("weir-maps");
    ASSERT_TRUE(cgroup) << cgroup.error().what;
    cgroup_.emplace(std::move(*cgroup));
    auto pins = lab::PinDir::Create();
    ASSERT_TRUE(pins) << pins.error().what;
    pins_.emplace(std::move(*pins));
    auto programs = Programs::Open({cgroup_->path(), std::filesystem::path(pins_->path()) / "weir", 65536, 65536});
    ASSERT_TRUE(programs) << programs.error().what;
    programs_.emplace(std::move(*programs));
    auto maps = PolicyMaps::Of(*programs_);
    ASSERT_TRUE(maps) << maps.error().what;
    maps_.emplace(std::move(*maps));
  }
  void TearDown() override {
    if (!programs_) return;
    EXPECT_TRUE(programs_->Remove());
  }

  template <typename K, typename V>
  std::size_t Entries(const char* name) {
    std::size_t count = 0;
    EXPECT_TRUE((Map<K, V>(programs_->MapFd(name), name).ForEach([&](const K&, const V&) { ++count; })));
    return count;
  }

  std::optional<lab::TempCgroup> cgroup_;
  std::optional<lab::PinDir> pins_;
  std::optional<Programs> programs_;
  std::optional<PolicyMaps> maps_;
};

policy::CompiledPolicy BigPolicy(std::uint32_t rules) {
  policy::CompiledPolicy policy;
  for (std::uint32_t i = 0; i < rules; ++i) {
    policy::AddressRule rule;
    rule.protocol = IPPROTO_TCP;
    rule.port = 443;
    rule.address = V4(0x0a000000u + i);
    rule.rule_id = i + 1;
    policy.addresses.push_back(rule);
    rule.address = V4(0x14000000u + (i << 8));
    rule.prefix_bits = 120;
    if (i < 2000) policy.addresses.push_back(rule);
  }
  policy.names.push_back({std::string("\3www\7example\3org\0", 17), false, false, 1, {{~0ull, 1, 443, IPPROTO_TCP}}});
  policy.process_sets.push_back({{"/bin/sh", "/no/such/file"}, {"node"}});
  return policy;
}

TEST_F(PolicyMapsTest, WritesAHundredThousandRulesAndSweepsOnlyTheirScope) {
  const auto policy = BigPolicy(100'000);
  const std::vector<std::string> search{std::string("\4corp\7example\3org\0", 18)};
  for (const std::uint32_t scope : {1u, 2u}) {
    ASSERT_TRUE(maps_->PrepareScope(scope));
    auto written = maps_->WritePolicy(scope, policy, search, FindExecutableOnHost);
    ASSERT_TRUE(written) << written.error().what;
    EXPECT_EQ(written->not_found, std::vector<std::string>{"/no/such/file"});
  }
  EXPECT_EQ((Entries<weir_addr_key, weir_rule>("weir_exact")), 200'000u);
  EXPECT_EQ((Entries<weir_cidr_key, weir_rule>("weir_cidr")), 4'000u);
  EXPECT_EQ((Entries<weir_name_key, weir_name>("weir_names")), 4u);
  EXPECT_EQ((Entries<weir_proc_key, std::uint64_t>("weir_procs")), 2u);

  ASSERT_TRUE(maps_->CloseScope(1));
  auto swept = maps_->SweepScope(1);
  ASSERT_TRUE(swept) << swept.error().what;
  EXPECT_EQ((Entries<weir_addr_key, weir_rule>("weir_exact")), 100'000u);
  EXPECT_EQ((Entries<weir_cidr_key, weir_rule>("weir_cidr")), 2'000u);
  EXPECT_EQ((Entries<weir_name_key, weir_name>("weir_names")), 2u);
  EXPECT_EQ((Entries<weir_proc_name_key, std::uint64_t>("weir_pnames")), 1u);
  EXPECT_FALSE(maps_->ReadCounts(1));
  EXPECT_TRUE(maps_->ReadCounts(2));
}

TEST_F(PolicyMapsTest, SaysThatATableIsFull) {
  policy::CompiledPolicy policy;
  policy.process_sets.emplace_back();
  for (int i = 0; i < 17'000; ++i) policy.process_sets[0].names.push_back("tool" + std::to_string(i));
  auto written = maps_->WritePolicy(1, policy, {}, FindExecutableOnHost);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Code::kExhausted);
  EXPECT_NE(written.error().what.find("weir_pnames"), std::string::npos) << written.error().what;
}

TEST_F(PolicyMapsTest, AdoptsASocketOnce) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  weir_task task{};
  task.exec_id = 77;
  EXPECT_TRUE(maps_->AdoptSocket(socket.get(), 5, task, 1234, 0).value());
  EXPECT_FALSE(maps_->AdoptSocket(socket.get(), 6, task, 1234, 0).value());
  const auto kept = Map<int, weir_sock>(programs_->MapFd("weir_socks"), "weir_socks").Get(socket.get()).value();
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->scope_id, 5u);
  EXPECT_EQ(kept->exec_id, 77u);
}

TEST_F(PolicyMapsTest, LearnsWithPortsAndNeverBarredAddresses) {
  const std::vector<policy::Address> addresses{V4(0xcb007105u), V4(0xa9fea9feu)};  // 203.0.113.5, 169.254.169.254
  const std::vector<policy::NamePort> ports{{0b01, 3, 443, IPPROTO_TCP}};
  Lesson lesson{9, std::string("\1a\7example\3org\0", 15), addresses, ports, 3, 1000, 0};
  ASSERT_TRUE(maps_->Learn(lesson));
  Map<weir_learned_key, weir_learned> learned(programs_->MapFd("weir_learned"), "weir_learned");
  weir_learned_key key{};
  key.scope_id = 9;
  key.port = htons(443);
  key.proto = IPPROTO_TCP;
  std::memcpy(key.addr, addresses[0].data(), 16);
  auto entry = learned.Get(key).value();
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->rule_id, 3u);
  EXPECT_EQ(entry->proc_mask, 0b01u);
  std::memcpy(key.addr, addresses[1].data(), 16);
  EXPECT_FALSE(learned.Get(key).value()) << "a metadata address was opened by a name";
  key.port = 0;
  key.proto = 0;
  EXPECT_TRUE(learned.Get(key).value()) << "its name is known, for the record";

  // A second rule's permission adds up.
  const std::vector<policy::NamePort> more{{0b10, 4, 443, IPPROTO_TCP}};
  lesson.ports = more;
  ASSERT_TRUE(maps_->Learn(lesson));
  key.port = htons(443);
  key.proto = IPPROTO_TCP;
  std::memcpy(key.addr, addresses[0].data(), 16);
  EXPECT_EQ(learned.Get(key).value()->proc_mask, 0b11u);
}

}  // namespace
}  // namespace weir::sensor_bpf
