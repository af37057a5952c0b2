// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/policy_maps.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sensor/bpf/programs.h"

namespace weir::sensor_bpf {
namespace {

Result<> BindFd(const Programs& programs, const char* name, int& fd) {
  fd = programs.MapFd(name);
  if (fd < 0) return Fail(Code::kInternal, std::string("the programs have no table ") + name);
  return {};
}

}  // namespace

Result<PolicyMaps> PolicyMaps::Of(const Programs& programs) {
  PolicyMaps maps;
  WEIR_TRY(BindMap(programs, "weir_scopes", maps.scopes_));
  WEIR_TRY(BindMap(programs, "weir_cgroups", maps.cgroups_));
  WEIR_TRY(BindMap(programs, "weir_tasks", maps.tasks_));
  WEIR_TRY(BindMap(programs, "weir_socks", maps.socks_));
  WEIR_TRY(BindMap(programs, "weir_stuck", maps.stuck_));
  WEIR_TRY(BindMap(programs, "weir_usage", maps.usage_));
  WEIR_TRY(BindMap(programs, "weir_canary", maps.canary_));
  WEIR_TRY(BindMap(programs, "weir_netns", maps.netns_));
  WEIR_TRY(BindMap(programs, "weir_resolvers", maps.resolvers_));
  WEIR_TRY(BindMap(programs, "weir_fwd_ports", maps.forwarder_ports_));
  WEIR_TRY(BindMap(programs, "weir_exact", maps.exact_));
  WEIR_TRY(BindMap(programs, "weir_cidr", maps.cidr_));
  WEIR_TRY(BindMap(programs, "weir_names", maps.names_));
  WEIR_TRY(BindMap(programs, "weir_learned", maps.learned_));
  WEIR_TRY(BindMap(programs, "weir_pending", maps.pending_));
  WEIR_TRY(BindMap(programs, "weir_procs", maps.executables_));
  WEIR_TRY(BindMap(programs, "weir_pnames", maps.executable_names_));
  WEIR_TRY(BindMap(programs, "weir_guards", maps.guards_));
  WEIR_TRY(BindMap(programs, "weir_sockets", maps.own_sockets_));
  WEIR_TRY(BindMap(programs, "weir_stand_ins", maps.stand_ins_));
  WEIR_TRY(BindMap(programs, "weir_untracked", maps.untracked_));
  WEIR_TRY(BindMap(programs, "weir_steps", maps.steps_));
  WEIR_TRY(BindMap(programs, "weir_flows", maps.flows_));
  WEIR_TRY(BindFd(programs, "weir_counts", maps.counts_fd_));
  WEIR_TRY(BindFd(programs, "weir_events", maps.events_ring_fd_));
  WEIR_TRY(BindFd(programs, "weir_denials", maps.denials_ring_fd_));
  maps.cpus_ = libbpf_num_possible_cpus();
  if (maps.cpus_ <= 0) return Fail(Code::kInternal, "cannot tell the number of CPUs");
  maps.name_seed_ = programs.name_seed();
  return maps;
}

Result<> PolicyMaps::PrepareScope(std::uint32_t scope_id) const {
  const std::vector<weir_counts> zero(static_cast<std::size_t>(cpus_));
  if (bpf_map_update_elem(counts_fd_, &scope_id, zero.data(), BPF_NOEXIST) != 0) {
    return FailMap("write", "weir_counts", errno);
  }
  return usage_.Put(scope_id, weir_usage{}, BPF_NOEXIST);
}

Result<PolicyEntries> PolicyMaps::WritePolicy(std::uint32_t scope_id, const policy::CompiledPolicy& policy,
                                              std::span<const std::string> search,
                                              const FindExecutable& find_executable) const {
  auto entries = ToEntries(scope_id, policy, search, name_seed_, find_executable);
  if (!entries) return entries;
  WEIR_TRY(executables_.PutAll(entries->executables.keys, entries->executables.values));
  WEIR_TRY(executable_names_.PutAll(entries->executable_names.keys, entries->executable_names.values));
  // Denials before permissions: on a live scope the moment between them errs towards deny.
  WEIR_TRY(cidr_.PutAll(entries->cidr.keys, entries->cidr.values));
  WEIR_TRY(exact_.PutAll(entries->exact.keys, entries->exact.values));
  WEIR_TRY(names_.PutAll(entries->names.keys, entries->names.values));
  return entries;
}

Result<> PolicyMaps::WriteResolvers(std::uint32_t scope_id, std::span<const policy::Address> resolvers) const {
  for (const policy::Address& address : resolvers) {
    weir_resolver_key key{};
    key.scope_id = scope_id;
    std::memcpy(key.addr, address.data(), sizeof(key.addr));
    WEIR_TRY(resolvers_.Put(key, 0));
  }
  return {};
}

Result<> PolicyMaps::TrustNetns(std::uint32_t scope_id, std::uint64_t cookie) const {
  // 0 marks sockets of which it is not known: to trust it would let each of those teach.
  if (cookie == 0)
    return Fail(Code::kUnsupported, "the job's network namespace cannot be told: its answers teach nothing");
  weir_netns_key key{};
  key.cookie = cookie;
  key.scope_id = scope_id;
  return netns_.Put(key, 1);
}

Result<> PolicyMaps::WriteForwarderPort(std::uint32_t scope_id, std::uint64_t netns_cookie, std::uint16_t port) const {
  weir_fwd_key key{};
  key.netns_cookie = netns_cookie;
  key.port = htons(port);
  return forwarder_ports_.Put(key, scope_id);
}

Result<> PolicyMaps::WriteWorker(std::uint32_t scope_id, std::uint32_t tgid, std::uint64_t start_ticks) const {
  weir_step worker{};
  worker.start_ns = start_ticks * WEIR_TICK_NS;
  worker.tgid = tgid;
  return steps_.Put({scope_id, 0}, worker);
}

Result<std::vector<std::uint32_t>> PolicyMaps::TasksOf(std::uint32_t scope_id, bool services) const {
  std::vector<std::uint32_t> tgids;
  WEIR_TRY(tasks_.ForEach([&](std::uint32_t tgid, const weir_task& task) {
    if (task.scope_id != scope_id || (task.flags & WEIR_T_CANARY) != 0) return;
    if (((task.flags & WEIR_T_SERVICE) != 0) == services) tgids.push_back(tgid);
  }));
  return tgids;
}

Result<> PolicyMaps::JudgeByCgroup(std::uint32_t scope_id) const {
  weir_task stand_in{};
  stand_in.scope_id = scope_id;  // not WEIR_T_SERVICE: a job that fills the table must not pass for one
  WEIR_TRY(stand_ins_.Put(scope_id, stand_in));
  // The programs count up beside this, and only ever ask whether it is 0.
  auto untracked = untracked_.Get(0);
  WEIR_TRY(untracked);
  return untracked_.Put(0, untracked->value_or(0) + 1);
}

Result<> PolicyMaps::ReleaseSocket(int socket_fd, std::uint32_t scope_id) const {
  auto socket = socks_.Get(socket_fd);
  WEIR_TRY(socket);
  if (!*socket || (*socket)->scope_id != scope_id || ((*socket)->flags & WEIR_K_STUCK) != 0) return {};
  return socks_.Remove(socket_fd);
}

Result<> PolicyMaps::RemoveCanaryTask(std::uint32_t tgid) const {
  auto task = tasks_.Get(tgid);
  if (!task) return tl::unexpected<Error>(std::move(task).error());
  return *task && ((*task)->flags & WEIR_T_CANARY) != 0 ? tasks_.Remove(tgid) : Result<>();
}

Result<bool> PolicyMaps::AdoptSocket(int socket_fd, std::uint32_t scope_id, const weir_task& task, std::uint32_t tgid,
                                     std::uint64_t netns_cookie) const {
  weir_sock value{};
  value.exec_id = task.exec_id;
  value.netns_cookie = netns_cookie;
  value.scope_id = scope_id;
  value.tgid = tgid;
  value.step = task.step;
  value.flags = WEIR_K_ADOPTED;
  value.verdict = WEIR_ALLOW;
  value.why = WEIR_WHY_KIND;
  value.hook = WEIR_HOOK_SOCKET;
  auto put = socks_.Put(socket_fd, value, BPF_NOEXIST);
  if (put) return true;
  if (put.error().sys_errno == EEXIST) return false;
  return tl::unexpected<Error>(std::move(put).error());
}

Result<std::vector<std::pair<std::uint64_t, weir_stuck>>> PolicyMaps::StuckOf(std::uint32_t scope_id) const {
  std::vector<std::pair<std::uint64_t, weir_stuck>> streams;
  WEIR_TRY(stuck_.ForEach([&](std::uint64_t cookie, const weir_stuck& stream) {
    if (stream.scope_id == scope_id) streams.emplace_back(cookie, stream);
  }));
  return streams;
}

Result<Counts> PolicyMaps::ReadCounts(std::uint32_t scope_id) const {
  std::vector<weir_counts> per_cpu(static_cast<std::size_t>(cpus_));
  if (bpf_map_lookup_elem(counts_fd_, &scope_id, per_cpu.data()) != 0) {
    if (errno == ENOENT) return Fail(Code::kNotFound, "no counters for scope " + std::to_string(scope_id), ENOENT);
    return FailMap("read", "weir_counts", errno);
  }
  Counts sum{};
  for (const weir_counts& counts : per_cpu) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += counts.n[i];
  }
  return sum;
}

Result<std::vector<std::uint32_t>> PolicyMaps::Scopes() const {
  std::vector<std::uint32_t> ids;
  WEIR_TRY(scopes_.ForEach([&](std::uint32_t id, const weir_scope&) { ids.push_back(id); }));
  return ids;
}

}  // namespace weir::sensor_bpf
