// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/dns/probe.h"

#include <arpa/inet.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>

#include "bpf/name.h"
#include "tests/kernel/lab/empty.h"

namespace weir::lab {
namespace {

constexpr std::size_t kEthernetBytes = 14, kPayloadAt = 28;

// What BPF_PROG_RUN takes for a cgroup_skb program: Ethernet, IPv4, UDP. The programs under test see the payload only.
std::vector<std::uint8_t> Packet(const dnstest::Bytes& payload) {
  std::vector<std::uint8_t> packet(kEthernetBytes + kPayloadAt, 0);
  packet[12] = 0x08;
  packet[kEthernetBytes] = 0x45;
  packet[kEthernetBytes + 9] = kUdp;
  packet.insert(packet.end(), payload.begin(), payload.end());
  return packet;
}

dnstest::Address Server() { return dnstest::V4(192, 0, 2, 53); }

}  // namespace

weir_name_key NameKey(const dnstest::Bytes& wire, std::uint8_t kind) {
  weir_name_key key{};
  key.hash = weir_name_hash(WEIR_NAME_SEED, wire.data(), wire.size());
  key.scope_id = kScope;
  key.len = static_cast<std::uint16_t>(wire.size());
  key.kind = kind;
  return key;
}

std::optional<PinDir> DnsProbe::pins_;
std::optional<Skeleton<weir_dns_probe>> DnsProbe::bpf_;

void DnsProbe::SetUp() {
  if (!bpf_) {
    auto pins = PinDir::Create();
    ASSERT_TRUE(pins) << pins.error().what;
    pins_.emplace(std::move(*pins));
    auto bpf = Skeleton<weir_dns_probe>::Load(*pins_);
    ASSERT_TRUE(bpf) << bpf.error().what;
    bpf_.emplace(std::move(*bpf));
  }
  ASSERT_TRUE(EmptyMaps((*bpf_)->obj));
  SetScope(WEIR_MODE_BLOCK);
  SetUsage(0, 0);
  const std::vector<weir_counts> zeros(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  ASSERT_EQ(bpf_map__update_elem((*bpf_)->maps.weir_counts, &kScope, sizeof(kScope), zeros.data(),
                                 zeros.size() * sizeof(weir_counts), BPF_ANY),
            0);
}

void DnsProbe::AddName(std::string_view dotted, std::uint8_t kind, std::uint32_t rule_id, std::vector<Port> ports,
                       std::uint32_t flags) {
  const auto wire = dnstest::Wire(dotted);
  weir_name entry{};
  entry.rule_id = rule_id;
  entry.flags = flags;
  for (const Port& port : ports) {
    auto& slot = entry.ports[entry.n_ports++];
    slot.port = htons(port.number);
    slot.proto = port.protocol;
    slot.rule_id = port.rule_id ? port.rule_id : rule_id;
    slot.proc_mask = port.processes;
  }
  std::copy(wire.begin(), wire.end(), entry.name);
  ASSERT_TRUE(MapPut((*bpf_)->maps.weir_names, NameKey(wire, kind), entry));
}

void DnsProbe::SetScope(std::uint32_t mode, std::uint64_t learned_max_ns) {
  weir_scope scope{};
  scope.mode = mode;
  scope.learned_max_ns = learned_max_ns;
  ASSERT_TRUE(MapPut((*bpf_)->maps.weir_scopes, kScope, scope));
}

void DnsProbe::SetUsage(std::uint64_t learned, std::uint64_t pending) {
  weir_usage usage{};
  usage.learned = learned;
  usage.pending = pending;
  ASSERT_TRUE(MapPut((*bpf_)->maps.weir_usage, kScope, usage));
}

weir_usage DnsProbe::Usage() { return *MapGet<weir_usage>((*bpf_)->maps.weir_usage, kScope); }

std::uint64_t DnsProbe::Count(std::uint32_t counter) {
  std::vector<weir_counts> cpus(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  std::uint64_t sum = 0;
  EXPECT_EQ(bpf_map__lookup_elem((*bpf_)->maps.weir_counts, &kScope, sizeof(kScope), cpus.data(),
                                 cpus.size() * sizeof(weir_counts), 0),
            0);
  for (const weir_counts& counts : cpus) sum += counts.n[counter];
  return sum;
}

std::size_t DnsProbe::LearnedEntries() {
  weir_learned_key key{}, next{};
  std::size_t n = 0;
  const bpf_map* map = (*bpf_)->maps.weir_learned;
  while (bpf_map__get_next_key(map, n ? &key : nullptr, &next, sizeof(key)) == 0) {
    key = next;
    n++;
  }
  return n;
}

std::optional<weir_learned> DnsProbe::Learned(const dnstest::Address& address, std::uint16_t port,
                                              std::uint8_t protocol) {
  weir_learned_key key{};
  key.scope_id = kScope;
  key.port = htons(port);
  key.proto = protocol;
  std::copy(address.begin(), address.end(), key.addr);
  auto value = MapGet<weir_learned>((*bpf_)->maps.weir_learned, key);
  return value ? std::optional(*value) : std::nullopt;
}

void DnsProbe::PutLearned(const dnstest::Address& address, const weir_learned& value, std::uint16_t port) {
  weir_learned_key key{};
  key.scope_id = kScope;
  key.port = htons(port);
  key.proto = kTcp;
  std::copy(address.begin(), address.end(), key.addr);
  ASSERT_TRUE(MapPut((*bpf_)->maps.weir_learned, key, value));
}

weir_probe_in DnsProbe::Question() const {
  weir_probe_in in{};
  const auto server = Server();
  in.op = WEIR_PROBE_JUDGE;
  in.in.scope_id = kScope;
  in.in.exec_id = 0xe0e0;
  in.in.tgid = 4242;
  in.in.mode = WEIR_MODE_BLOCK;
  in.in.teach = 1;
  in.in.server_port = htons(53);
  in.answer_port = htons(53);
  std::copy(server.begin(), server.end(), in.in.server);
  std::copy(server.begin(), server.end(), in.answer_server);
  return in;
}

weir_probe_out DnsProbe::Parse(std::uint32_t op, const dnstest::Bytes& message, const weir_pending& asked) {
  weir_probe_in in{};
  in.op = op;
  in.asked = asked;
  in.in.payload_len = static_cast<std::uint32_t>(message.size());
  return Run(in, message);
}

weir_probe_out DnsProbe::Judge(weir_probe_in in, const std::vector<dnstest::Bytes>& queries,
                               const std::vector<dnstest::Bytes>& answers) {
  dnstest::Bytes payload;
  for (const auto& query : queries) payload.insert(payload.end(), query.begin(), query.end());
  for (const auto& answer : answers) payload.insert(payload.end(), answer.begin(), answer.end());
  in.n_queries = static_cast<std::uint32_t>(queries.size());
  in.query_len = static_cast<std::uint32_t>(queries.front().size());
  in.n_answers = static_cast<std::uint32_t>(answers.size());
  for (std::size_t i = 0; i < answers.size(); i++) in.answer_len[i] = static_cast<std::uint32_t>(answers[i].size());
  return Run(in, payload);
}

weir_probe_out DnsProbe::Run(const weir_probe_in& in, const dnstest::Bytes& payload) {
  const std::uint32_t zero = 0;
  const weir_probe_out nothing{};
  auto packet = Packet(payload);
  EXPECT_TRUE(MapPut((*bpf_)->maps.weir_probe_in, zero, in));
  EXPECT_TRUE(MapPut((*bpf_)->maps.weir_probe_out, zero, nothing));
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = packet.data();
  options.data_size_in = static_cast<std::uint32_t>(packet.size());
  options.repeat = repeat_;
  __sk_buff context{};
  if (segment_bytes_ != 0) {
    context.gso_size = segment_bytes_;
    context.gso_segs = 3;
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
  }
  EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd((*bpf_)->progs.weir_probe), &options), 0) << std::strerror(errno);
  EXPECT_EQ(options.retval, 1u);
  run_ns_ = options.duration;
  auto out = MapGet<weir_probe_out>((*bpf_)->maps.weir_probe_out, zero);
  return out ? *out : nothing;
}

}  // namespace weir::lab
