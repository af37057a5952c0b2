// SPDX-License-Identifier: Apache-2.0
// The sensor's side of the tables, with the real maps.
#include "sensor/bpf/policy_maps.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

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

  template <typename K, typename V>
  Result<> Put(const char* name, const K& key, const V& value) {
    return Map<K, V>(programs_->MapFd(name), name).Put(key, value);
  }

  /// Rows of every table that is swept.
  std::map<std::string, std::size_t> Sizes() {
    return {{"weir_scopes", Entries<std::uint32_t, weir_scope>("weir_scopes")},
            {"weir_cgroups", Entries<std::uint64_t, std::uint32_t>("weir_cgroups")},
            {"weir_tasks", Entries<std::uint32_t, weir_task>("weir_tasks")},
            {"weir_stand_ins", Entries<std::uint32_t, weir_task>("weir_stand_ins")},
            {"weir_steps", Entries<weir_step_key, weir_step>("weir_steps")},
            {"weir_usage", Entries<std::uint32_t, weir_usage>("weir_usage")},
            {"weir_canary", Entries<std::uint32_t, weir_canary>("weir_canary")},
            {"weir_netns", Entries<weir_netns_key, std::uint32_t>("weir_netns")},
            {"weir_resolvers", Entries<weir_resolver_key, std::uint32_t>("weir_resolvers")},
            {"weir_fwd_ports", Entries<weir_fwd_key, std::uint32_t>("weir_fwd_ports")},
            {"weir_exact", Entries<weir_addr_key, weir_rule>("weir_exact")},
            {"weir_cidr", Entries<weir_cidr_key, weir_rule>("weir_cidr")},
            {"weir_names", Entries<weir_name_key, weir_name>("weir_names")},
            {"weir_learned", Entries<weir_learned_key, weir_learned>("weir_learned")},
            {"weir_pending", Entries<weir_pending_key, weir_pending>("weir_pending")},
            {"weir_stuck", Entries<std::uint64_t, weir_stuck>("weir_stuck")},
            {"weir_guards", Entries<std::uint32_t, weir_guard_scope>("weir_guards")},
            {"weir_sockets", Entries<weir_socket_key, std::uint32_t>("weir_sockets")},
            {"weir_procs", Entries<weir_proc_key, std::uint64_t>("weir_procs")},
            {"weir_pnames", Entries<weir_proc_name_key, std::uint64_t>("weir_pnames")},
            {"weir_flows", Entries<weir_flow_key, weir_flow>("weir_flows")}};
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
  auto swept = maps_->SweepScopes(std::vector{1u});
  ASSERT_TRUE(swept) << swept.error().what;
  EXPECT_TRUE(swept->empty());
  EXPECT_EQ((Entries<weir_addr_key, weir_rule>("weir_exact")), 100'000u);
  EXPECT_EQ((Entries<weir_cidr_key, weir_rule>("weir_cidr")), 2'000u);
  EXPECT_EQ((Entries<weir_name_key, weir_name>("weir_names")), 2u);
  EXPECT_EQ((Entries<weir_proc_name_key, std::uint64_t>("weir_pnames")), 1u);
  EXPECT_FALSE(maps_->ReadCounts(1));
  EXPECT_TRUE(maps_->ReadCounts(2));
}

// Every table that has a scope in its key or its value; a new one belongs in here and in sweep.cc.
TEST_F(PolicyMapsTest, SweepsEveryTableThatKnowsAScope) {
  const auto policy = BigPolicy(3);
  const std::vector<policy::Address> addresses{V4(0xcb007105u)};
  const std::vector<policy::NamePort> ports{{~0ull, 1, 443, IPPROTO_TCP}};
  constexpr std::uint32_t kNoProcess = 0x7ffffff0;  // above every pid_max
  for (const std::uint32_t scope : {1u, 2u}) {
    ASSERT_TRUE(maps_->PrepareScope(scope));
    ASSERT_TRUE(maps_->WritePolicy(scope, policy, {}, FindExecutableOnHost));
    ASSERT_TRUE(maps_->WriteResolvers(scope, addresses));
    ASSERT_TRUE(maps_->TrustNetns(scope, 1));
    ASSERT_TRUE(maps_->WriteForwarderPort(scope, scope, 5353));
    ASSERT_TRUE(maps_->WriteScope(scope, {}));
    ASSERT_TRUE(maps_->WriteCgroup(1000 + scope, scope));
    ASSERT_TRUE(maps_->Learn({scope, std::string("\1a\7example\3org\0", 15), addresses, ports, 3, 1000, 0}));
    weir_task task{};
    task.scope_id = scope;
    ASSERT_TRUE(maps_->WriteTask(kNoProcess + scope, task));
    task.flags = WEIR_T_CANARY;
    ASSERT_TRUE(maps_->WriteTask(kNoProcess + 4 + scope, task));
    ASSERT_TRUE(Put("weir_stand_ins", scope, task));
    ASSERT_TRUE(maps_->WriteWorker(scope, kNoProcess + scope, 1));
    ASSERT_TRUE(Put("weir_canary", scope, weir_canary{}));
    weir_flow_key flow{};
    flow.scope_id = scope;
    ASSERT_TRUE(Put("weir_flows", flow, weir_flow{}));
    weir_pending query{};
    query.scope_id = scope;
    weir_stuck stream{};
    stream.scope_id = scope;
    ASSERT_TRUE(Put("weir_stuck", std::uint64_t{scope}, stream));
    ASSERT_TRUE(Put("weir_guards", scope, weir_guard_scope{}));
    weir_socket_key socket{};
    socket.scope_id = scope;
    ASSERT_TRUE(Put("weir_sockets", socket, std::uint32_t{1}));
    ASSERT_TRUE(Put("weir_pending", weir_pending_key{scope, 3, 0}, query));
  }
  const auto before = Sizes();
  for (const auto& [name, count] : before) EXPECT_GT(count, 0u) << name << ": this test does not fill it";
  ASSERT_TRUE(maps_->CloseScope(1));
  EXPECT_EQ(maps_->UnsweptScopes().value(), std::vector<std::uint32_t>{1});
  ASSERT_TRUE(maps_->SweepScopes(std::vector{1u}));
  EXPECT_TRUE(maps_->UnsweptScopes()->empty());
  const auto after = Sizes();
  for (const auto& [name, count] : before) EXPECT_EQ(after.at(name) * 2, count) << name;
}

TEST_F(PolicyMapsTest, SweepsNoScopeOfALiveProcess) {
  weir_task task{};
  task.scope_id = 1;
  const auto self = static_cast<std::uint32_t>(::getpid());
  ASSERT_TRUE(maps_->PrepareScope(1));
  ASSERT_TRUE(maps_->PrepareScope(2));
  ASSERT_TRUE(maps_->WriteTask(self, task));
  EXPECT_EQ(maps_->SweepScopes(std::vector{1u, 2u}).value(), std::vector<std::uint32_t>{1});
  EXPECT_TRUE(maps_->Task(self).value()) << "without its row it would be outside every scope";
  EXPECT_TRUE(maps_->ReadCounts(1));
  EXPECT_FALSE(maps_->ReadCounts(2));
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
