// SPDX-License-Identifier: Apache-2.0
// The guard: what a job must not do to its watch, to the runner, or past every cgroup hook (DESIGN 2.5). The programs
// judge; this fills their tables, proves them, and says what they are worth on this host.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "policy/compiled.h"
#include "sensor/base/result.h"
#include "sensor/bpf/policy_maps.h"
#include "sensor/bpf/programs.h"
#include "sensor/guard/judge.h"
#include "sensor/guard/tables.h"

namespace weir::guard {

struct GuardOptions {
  std::filesystem::path cgroup_root;
  std::filesystem::path pin_directory;
  std::filesystem::path state_directory;  ///< ours: writing below it is denied
};

/// Any thread may call anything. Programs and maps must outlive it.
class Guard {
 public:
  /// Fills the tables and runs the probe. A guard that cannot be proven is no error; states() says so.
  [[nodiscard]] static Result<Guard> Create(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                                            const GuardOptions& options);

  [[nodiscard]] const std::vector<ClassState>& states() const { return states_; }

  /// Before the first process of the scope.
  [[nodiscard]] Result<> Begin(std::uint32_t scope_id, const policy::CompiledPolicy& policy) const;
  /// Sockets that the policy speaks of come and go with their services: at the beginning, and from time to time.
  void RefreshSockets(std::uint32_t scope_id, const policy::CompiledPolicy& policy) const;
  /// Looks for runners and deputies that came or went since. Walks /proc: for a background thread, and at a job's
  /// beginning.
  void Refresh();
  /// Attempts so far; nullopt: the scope has none on record.
  [[nodiscard]] Result<std::optional<weir_guard_scope>> Read(std::uint32_t scope_id) const {
    return tables_.ReadScope(scope_id);
  }

 private:
  Guard(GuardTables tables, const sensor_bpf::PolicyMaps& maps) : tables_(std::move(tables)), maps_(&maps) {}

  GuardTables tables_;
  const sensor_bpf::PolicyMaps* maps_;
  std::unique_ptr<std::mutex> refreshing_ = std::make_unique<std::mutex>();  ///< guards what follows
  std::map<std::pair<std::uint64_t, std::uint64_t>, weir_guarded> guarded_;  ///< found by Refresh
  std::set<pid_t> runners_;
  std::vector<ClassState> states_;
};

}  // namespace weir::guard
