// SPDX-License-Identifier: Apache-2.0
// What a scope leaves in the tables, and its removal. Not here, because they go with their sockets: weir_socks and
// weir_dnssocks.
#include <bpf/bpf.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "sensor/bpf/policy_maps.h"

namespace weir::sensor_bpf {
namespace {

/// A zombie counts as dead for the kernel's table: its entry is gone already.
bool IsAlive(std::uint32_t tgid) { return ::kill(static_cast<pid_t>(tgid), 0) == 0 || errno != ESRCH; }

}  // namespace

Result<> PolicyMaps::CloseScope(std::uint32_t scope_id) const {
  // The cgroup first: nobody enters any more. Then the scope: a socket or task that is left meets no scope and is
  // denied.
  WEIR_TRY(RemoveCgroupsOf(scope_id));
  return scopes_.Remove(scope_id);
}

Result<std::vector<std::uint32_t>> PolicyMaps::SweepScopes(std::span<const std::uint32_t> scope_ids) const {
  std::set<std::uint32_t> doomed(scope_ids.begin(), scope_ids.end());
  if (doomed.empty()) return std::vector<std::uint32_t>();
  std::set<std::uint32_t> inhabited;
  WEIR_TRY(tasks_.ForEach([&](std::uint32_t tgid, const weir_task& task) {
    if (doomed.contains(task.scope_id) && IsAlive(tgid)) inhabited.insert(task.scope_id);
  }));
  for (const std::uint32_t scope_id : inhabited) doomed.erase(scope_id);
  const auto of_key = [&doomed](const auto& key, const auto&) { return doomed.contains(key.scope_id); };
  const auto of_rule = [&doomed](const auto& key, const auto&) { return doomed.contains(key.rule.scope_id); };
  const auto of_value = [&doomed](const auto&, const auto& value) { return doomed.contains(value.scope_id); };
  const auto of_number = [&doomed](const auto&, std::uint32_t scope_id) { return doomed.contains(scope_id); };

  // The shares first: without one the programs add no more rows. The counters last: they tell that a sweep is due.
  for (const std::uint32_t scope_id : doomed) WEIR_TRY(usage_.Remove(scope_id));
  WEIR_TRY(tasks_.RemoveIf(of_value));
  WEIR_TRY(netns_.RemoveIf(of_key));
  WEIR_TRY(resolvers_.RemoveIf(of_key));
  WEIR_TRY(forwarder_ports_.RemoveIf(of_number));
  WEIR_TRY(exact_.RemoveIf(of_key));
  WEIR_TRY(cidr_.RemoveIf(of_rule));
  WEIR_TRY(names_.RemoveIf(of_key));
  WEIR_TRY(learned_.RemoveIf(of_key));
  WEIR_TRY(pending_.RemoveIf(of_value));
  WEIR_TRY(executables_.RemoveIf(of_key));
  WEIR_TRY(executable_names_.RemoveIf(of_key));
  WEIR_TRY(flows_.RemoveIf(of_key));
  WEIR_TRY(stuck_.RemoveIf(of_value));
  WEIR_TRY(own_sockets_.RemoveIf(of_key));
  WEIR_TRY(steps_.RemoveIf(of_key));
  for (const std::uint32_t scope_id : doomed) {
    WEIR_TRY(canary_.Remove(scope_id));
    WEIR_TRY(stand_ins_.Remove(scope_id));
    WEIR_TRY(guards_.Remove(scope_id));
    if (bpf_map_delete_elem(counts_fd_, &scope_id) != 0 && errno != ENOENT)
      return FailMap("remove from", "weir_counts", errno);
  }
  return std::vector<std::uint32_t>(inhabited.begin(), inhabited.end());
}

Result<std::vector<std::uint32_t>> PolicyMaps::UnsweptScopes() const {
  auto known = Scopes();
  WEIR_TRY(known);
  std::vector<std::uint32_t> unswept;
  std::uint32_t scope_id = 0;
  const std::uint32_t* at = nullptr;
  std::uint32_t next = 0;
  while (bpf_map_get_next_key(counts_fd_, at, &next) == 0) {
    scope_id = next;
    at = &scope_id;
    if (std::find(known->begin(), known->end(), scope_id) == known->end()) unswept.push_back(scope_id);
  }
  if (errno != ENOENT) return FailMap("list", "weir_counts", errno);
  return unswept;
}

}  // namespace weir::sensor_bpf
