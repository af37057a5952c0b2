// SPDX-License-Identifier: Apache-2.0
// The sensor's side of the shared tables: it writes scopes, policies and trust, and reads counters and flows.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/abi.h"
#include "bpf/dns_state.h"
#include "policy/compiled.h"
#include "sensor/base/result.h"
#include "sensor/bpf/map.h"
#include "sensor/bpf/policy_entries.h"

namespace weir::sensor_bpf {

class Programs;

/// A scope's counters, summed over CPUs.
using Counts = std::array<std::uint64_t, WEIR_COUNTERS>;

/// One DNS answer that may teach.
struct Lesson {
  std::uint32_t scope_id = 0;
  std::string wire;  ///< name that was asked
  std::span<const policy::Address> addresses;
  std::span<const policy::NamePort> ports;
  std::uint32_t rule_id = 0;
  std::uint64_t now_ns = 0;          ///< boot clock
  std::uint64_t learned_max_ns = 0;  ///< of the scope; 0: entries live for the job
};

/// Views of the maps of one Programs, which must outlive this. Any thread may call anything; calls that write the same
/// scope must not overlap (the sensor has a lock per job).
class PolicyMaps {
 public:
  [[nodiscard]] static Result<PolicyMaps> Of(const Programs& programs);

  // ---- a scope's life ----
  /// Rows that programs expect beside a scope (counters, usage). Before the scope itself.
  [[nodiscard]] Result<> PrepareScope(std::uint32_t scope_id) const;
  /// Adds a policy's rows. On a live scope: write, then bump weir_scope.generation with WriteScope, so that verdicts
  /// that sockets keep are asked again.
  [[nodiscard]] Result<PolicyEntries> WritePolicy(std::uint32_t scope_id, const policy::CompiledPolicy& policy,
                                                  std::span<const std::string> search,
                                                  const FindExecutable& find_executable) const;
  [[nodiscard]] Result<> WriteResolvers(std::uint32_t scope_id, std::span<const policy::Address> resolvers) const;
  [[nodiscard]] Result<> WriteScope(std::uint32_t scope_id, const weir_scope& scope) const {
    return scopes_.Put(scope_id, scope);
  }
  [[nodiscard]] Result<std::optional<weir_scope>> ReadScope(std::uint32_t scope_id) const {
    return scopes_.Get(scope_id);
  }
  /// Tasks that enter the cgroup enter the scope; scope 0: they enter none, though a cgroup above is one's.
  [[nodiscard]] Result<> WriteCgroup(std::uint64_t cgroup_id, std::uint32_t scope_id) const {
    return cgroups_.Put(cgroup_id, scope_id);
  }
  [[nodiscard]] Result<> RemoveCgroup(std::uint64_t cgroup_id) const { return cgroups_.Remove(cgroup_id); }
  /// Every cgroup that was written for this scope.
  [[nodiscard]] Result<> RemoveCgroupsOf(std::uint32_t scope_id) const {
    return cgroups_.ForEachValue(scope_id, [this](std::uint64_t id) { return cgroups_.Remove(id); });
  }
  /// Answers in this network namespace may teach.
  [[nodiscard]] Result<> TrustNetns(std::uint32_t scope_id, std::uint64_t cookie) const;
  [[nodiscard]] Result<> WriteForwarderPort(std::uint32_t scope_id, std::uint64_t netns_cookie,
                                            std::uint16_t port) const;
  /// Its ports are a forwarder's that is gone: whoever has them next is no forwarder of this scope.
  [[nodiscard]] Result<> ForgetForwarder(std::uint32_t scope_id) const {
    return forwarder_ports_.ForEachValue(scope_id,
                                         [this](const weir_fwd_key& key) { return forwarder_ports_.Remove(key); });
  }

  /// Takes the scope away: what is left of it is denied from now on. Its rows in large tables stay, unreachable, until
  /// SweepScopes. Closing what is closed is no error.
  [[nodiscard]] Result<> CloseScope(std::uint32_t scope_id) const;
  /// Removes every row of closed scopes from every table that has a scope in its key or value, in one walk of each.
  /// Slow (walks whole tables): for a background thread. Returns the scopes to which a live process still belongs:
  /// nothing of those was removed, because to forget such a process would set it free.
  [[nodiscard]] Result<std::vector<std::uint32_t>> SweepScopes(std::span<const std::uint32_t> scope_ids) const;
  /// Scopes that are closed, or never came to be, and were not swept: whoever had that to do was killed.
  [[nodiscard]] Result<std::vector<std::uint32_t>> UnsweptScopes() const;

  // ---- steps ----
  /// Each process that this one forks begins a step. Before it enters the scope.
  [[nodiscard]] Result<> WriteWorker(std::uint32_t scope_id, std::uint32_t tgid, std::uint64_t start_ticks) const;

  // ---- who is inside ----
  [[nodiscard]] Result<std::optional<weir_task>> Task(std::uint32_t tgid) const { return tasks_.Get(tgid); }
  [[nodiscard]] Result<> WriteTask(std::uint32_t tgid, const weir_task& task) const { return tasks_.Put(tgid, task); }
  /// Removes what a canary left, when the programs did not.
  [[nodiscard]] Result<> RemoveCanaryTask(std::uint32_t tgid) const;
  /// Process ids of the scope, canaries not counted. Services of a host that is a job's (WEIR_T_SERVICE) are either
  /// left out, or are all that is asked for.
  [[nodiscard]] Result<std::vector<std::uint32_t>> TasksOf(std::uint32_t scope_id, bool services = false) const;
  /// Who has no entry in the table is judged by its cgroup from now on; for good.
  [[nodiscard]] Result<> JudgeByCgroup(std::uint32_t scope_id) const;
  /// The process is outside every scope from now on.
  [[nodiscard]] Result<> ForgetTask(std::uint32_t tgid) const { return tasks_.Remove(tgid); }
  [[nodiscard]] Result<std::optional<weir_canary>> Canary(std::uint32_t scope_id) const {
    return canary_.Get(scope_id);
  }
  [[nodiscard]] Result<> ForgetCanary(std::uint32_t scope_id) const { return canary_.Remove(scope_id); }

  /// Takes an open socket into a scope, unless it is in one already (false).
  [[nodiscard]] Result<bool> AdoptSocket(int socket_fd, std::uint32_t scope_id, const weir_task& task,
                                         std::uint32_t tgid, std::uint64_t netns_cookie) const;

  /// Takes an open socket out of the scope, but not a stream that holds refused bytes: they would leave.
  [[nodiscard]] Result<> ReleaseSocket(int socket_fd, std::uint32_t scope_id) const;

  // ---- streams that hold refused bytes ----
  /// By socket cookie.
  [[nodiscard]] Result<std::vector<std::pair<std::uint64_t, weir_stuck>>> StuckOf(std::uint32_t scope_id) const;
  [[nodiscard]] Result<> ForgetStuck(std::uint64_t cookie) const { return stuck_.Remove(cookie); }

  // ---- what happened ----
  [[nodiscard]] Result<Counts> ReadCounts(std::uint32_t scope_id) const;
  [[nodiscard]] Result<> ForEachFlow(const std::function<void(const weir_flow_key&, const weir_flow&)>& visit) const {
    return flows_.ForEach(visit);
  }
  /// Scopes that the kernel knows.
  [[nodiscard]] Result<std::vector<std::uint32_t>> Scopes() const;

  /// Enters an answer into the learned table by the rules of the kernel's DNS program. kExhausted: table full.
  [[nodiscard]] Result<> Learn(const Lesson& lesson) const;

  [[nodiscard]] int events_ring_fd() const { return events_ring_fd_; }
  [[nodiscard]] int denials_ring_fd() const { return denials_ring_fd_; }

 private:
  PolicyMaps() = default;

  Map<std::uint32_t, weir_scope> scopes_;
  Map<std::uint64_t, std::uint32_t> cgroups_;
  Map<std::uint32_t, weir_task> tasks_;
  Map<int, weir_sock> socks_;
  Map<std::uint64_t, weir_stuck> stuck_;
  Map<std::uint32_t, weir_usage> usage_;
  Map<std::uint32_t, weir_canary> canary_;
  Map<weir_netns_key, std::uint32_t> netns_;
  Map<weir_resolver_key, std::uint32_t> resolvers_;
  Map<weir_fwd_key, std::uint32_t> forwarder_ports_;
  Map<weir_addr_key, weir_rule> exact_;
  Map<weir_cidr_key, weir_rule> cidr_;
  Map<weir_name_key, weir_name> names_;
  Map<weir_learned_key, weir_learned> learned_;
  Map<weir_pending_key, weir_pending> pending_;
  Map<weir_proc_key, std::uint64_t> executables_;
  Map<weir_proc_name_key, std::uint64_t> executable_names_;
  Map<std::uint32_t, weir_task> stand_ins_;
  Map<std::uint32_t, std::uint64_t> untracked_;
  Map<weir_step_key, weir_step> steps_;
  Map<std::uint32_t, weir_guard_scope> guards_;      ///< written by sensor/guard
  Map<weir_socket_key, std::uint32_t> own_sockets_;  ///< likewise
  Map<weir_flow_key, weir_flow> flows_;
  int counts_fd_ = -1;
  int events_ring_fd_ = -1;
  int denials_ring_fd_ = -1;
  int cpus_ = 0;
  std::uint64_t name_seed_ = 0;
};

}  // namespace weir::sensor_bpf
