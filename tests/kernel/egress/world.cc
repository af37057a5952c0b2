// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/egress/world.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/kernel/lab/empty.h"

namespace weir::lab {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

SocketAddress MakeAddress(const std::string& text, std::uint16_t port) {
  SocketAddress result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    result.length = sizeof(*v4);
  } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    result.length = sizeof(*v6);
  }
  return result;
}

}  // namespace

Address ParseAddress(const std::string& text) {
  Address address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  address[10] = address[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), address.data() + 12) != 1) std::abort();
  return address;
}

std::unique_ptr<World::Programs> World::spare;

void World::GiveBack::operator()(Programs* programs) const {
  std::unique_ptr<Programs> owned(programs);
  weir_process::detach(&*owned->process);
  if (owned->ordinary) spare = std::move(owned);
}

Result<World::OwnedPrograms> World::Load(const std::function<void(bpf_object*)>& prepare) {
  auto pins = PinDir::Create();
  WEIR_TRY(pins);
  auto egress = Skeleton<weir_egress>::Load(*pins, [&](weir_egress& s) {
    if (prepare) prepare(s.obj);
  });
  WEIR_TRY(egress);
  auto process = Skeleton<weir_process>::Load(*pins, [&](weir_process& s) {
    if (prepare) prepare(s.obj);
  });
  WEIR_TRY(process);
  auto rings = Rings::Open((*egress)->maps.weir_events, (*egress)->maps.weir_denials);
  WEIR_TRY(rings);
  return OwnedPrograms(
      new Programs{std::move(*pins), std::move(*process), std::move(*egress), std::move(*rings), !prepare});
}

Result<World::OwnedPrograms> World::TakeSpare() {
  WEIR_TRY(EmptyMaps(spare->egress->obj));
  WEIR_TRY(EmptyMaps(spare->process->obj));
  spare->rings->Take();
  return OwnedPrograms(spare.release());
}

Result<std::unique_ptr<World>> World::Create(std::uint32_t mode, std::uint32_t flags, std::uint32_t kinds,
                                             const std::function<void(bpf_object*)>& prepare) {
  auto programs = spare && !prepare ? TakeSpare() : Load(prepare);
  WEIR_TRY(programs);
  WEIR_TRY((*programs)->process.Attach());
  auto root = TempCgroup::Create("weir-egress");
  WEIR_TRY(root);
  auto jobs = root->CreateChild("jobs");
  WEIR_TRY(jobs);
  auto job = jobs->CreateChild("job");
  WEIR_TRY(job);
  std::unique_ptr<World> world(new World(std::move(*programs), std::move(*root), std::move(*jobs), std::move(*job)));
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, world->egress().obj) {
    auto link = AttachCgroup(program, world->root_.fd());
    WEIR_TRY(link);
    world->links_.push_back(std::move(*link));
  }
  weir_scope scope{};
  scope.generation = 1;
  scope.mode = mode;
  scope.flags = flags;
  scope.kinds = kinds;
  WEIR_TRY(world->Register(kScope, world->job_.id(), scope));
  return world;
}

Result<> World::Register(std::uint32_t scope_id, std::uint64_t cgroup_id, const weir_scope& scope) {
  const auto cpus = static_cast<std::size_t>(libbpf_num_possible_cpus());
  const std::vector<weir_counts> counts(cpus);
  if (bpf_map_update_elem(bpf_map__fd(egress().maps.weir_counts), &scope_id, counts.data(), BPF_ANY))
    return FailErrno("counters", errno);
  WEIR_TRY(MapPut(egress().maps.weir_usage, scope_id, weir_usage{}));
  WEIR_TRY(PutScope(scope_id, scope));
  return MapPut(egress().maps.weir_cgroups, cgroup_id, scope_id);
}

Result<> World::PutScope(std::uint32_t scope_id, const weir_scope& scope) {
  return MapPut(egress().maps.weir_scopes, scope_id, scope);
}

Result<TempCgroup> World::AddJob(std::uint32_t scope_id, std::uint32_t mode, std::uint32_t flags) {
  auto cgroup = jobs_.CreateChild("other-" + std::to_string(scope_id));
  WEIR_TRY(cgroup);
  weir_scope scope{};
  scope.generation = 1;
  scope.mode = mode;
  scope.flags = flags;
  WEIR_TRY(Register(scope_id, cgroup->id(), scope));
  return cgroup;
}

Result<> World::Rule(std::uint8_t table, const std::string& address, std::uint16_t port, std::uint8_t proto,
                     std::uint32_t rule_id, std::uint64_t proc_mask, std::uint32_t scope_id) {
  weir_addr_key key{};
  key.scope_id = scope_id;
  key.table = table;
  key.proto = proto;
  key.port = htons(port);
  std::memcpy(key.addr, ParseAddress(address).data(), sizeof(key.addr));
  return MapPut(egress().maps.weir_exact, key, weir_rule{proc_mask, rule_id, 0});
}

Result<> World::Cidr(std::uint8_t table, const std::string& address, unsigned bits, std::uint16_t port,
                     std::uint8_t proto, std::uint32_t rule_id, std::uint64_t proc_mask) {
  weir_cidr_key key{};
  key.prefixlen = WEIR_CIDR_FIXED_BITS + bits;
  key.rule.scope_id = kScope;
  key.rule.table = table;
  key.rule.proto = proto;
  key.rule.port = htons(port);
  std::memcpy(key.rule.addr, ParseAddress(address).data(), sizeof(key.rule.addr));
  return MapPut(egress().maps.weir_cidr, key, weir_rule{proc_mask, rule_id, 0});
}

Result<> World::Resolver(const std::string& address, std::uint32_t scope_id) {
  weir_resolver_key key{};
  key.scope_id = scope_id;
  std::memcpy(key.addr, ParseAddress(address).data(), sizeof(key.addr));
  return MapPut(egress().maps.weir_resolvers, key, std::uint32_t{0});
}

Result<> World::TrustNamespace(std::uint64_t cookie) {
  weir_netns_key key{};
  key.cookie = cookie;
  key.scope_id = kScope;
  return MapPut(egress().maps.weir_netns, key, std::uint32_t{1});
}

int World::InCgroup(const TempCgroup& cgroup, const std::function<int()>& body) {
  auto child = Child::RunIn(cgroup, body);
  if (!child) return -1;
  const int status = child->Wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int World::InJob(const std::function<int()>& body) { return InCgroup(job_, body); }

std::uint64_t World::Counter(std::uint32_t counter, std::uint32_t scope_id) {
  std::vector<weir_counts> counts(static_cast<std::size_t>(libbpf_num_possible_cpus()));
  if (bpf_map_lookup_elem(bpf_map__fd(egress().maps.weir_counts), &scope_id, counts.data())) return ~0ull;
  std::uint64_t sum = 0;
  for (const weir_counts& cpu : counts) sum += cpu.n[counter];
  return sum;
}

std::vector<weir_flow_event> World::FlowEvents() {
  std::vector<weir_flow_event> events;
  for (const Record& record : rings().Take())
    if (record.kind() == WEIR_E_FLOW) events.push_back(record.As<weir_flow_event>());
  return events;
}

std::vector<std::pair<weir_flow_key, weir_flow>> World::Flows() {
  std::vector<std::pair<weir_flow_key, weir_flow>> flows;
  const int fd = bpf_map__fd(egress().maps.weir_flows);
  weir_flow_key key{};
  weir_flow_key* previous = nullptr;
  while (bpf_map_get_next_key(fd, previous, &key) == 0) {
    weir_flow flow{};
    if (bpf_map_lookup_elem(fd, &key, &flow) == 0) flows.emplace_back(key, flow);
    previous = &key;
  }
  return flows;
}

int TryConnect(int type, const std::string& address, std::uint16_t port) {
  const SocketAddress to = MakeAddress(address, port);
  const Fd fd(socket(to.storage.ss_family, type, 0));
  if (!fd) return errno;
  return connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.length) ? errno : 0;
}

int TrySendTo(const std::string& address, std::uint16_t port, int family, std::uint16_t name_family) {
  SocketAddress to = MakeAddress(address, port);
  const Fd fd(socket(family ? family : to.storage.ss_family, SOCK_DGRAM, 0));
  if (!fd) return errno;
  if (name_family != 0xffff && name_family) to.storage.ss_family = name_family;
  if (name_family == 0xffff) to.storage.ss_family = AF_UNSPEC;
  return sendto(fd.get(), "x", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to.storage), to.length) < 0 ? errno
                                                                                                               : 0;
}

}  // namespace weir::lab
