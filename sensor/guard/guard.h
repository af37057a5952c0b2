// SPDX-License-Identifier: Apache-2.0
// The guard: what a job must not do to its watch, to the runner, or past every cgroup hook (DESIGN 2.5). The programs
// judge; this fills their tables, proves them, and says what they are worth on this host.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
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
  std::filesystem::path jobs_root;  ///< the cgroup in which jobs' are made
  std::filesystem::path pin_directory;
  std::filesystem::path state_directory;  ///< ours: writing below it is denied
  std::filesystem::path root = "/";       ///< where deputies are looked for
};

/// What of the host is judged as the job: its own processes only, or every service, too. Then a service that acts for
/// others is no way out, and the job may speak to it unless its policy says otherwise.
enum class Reach : std::uint8_t { kJob, kHost };

/// Any thread may call anything. Programs and maps must outlive it.
///
/// What is found by path is found in file systems that a root job may share. So a job can add to what is guarded, and
/// never take away: rows are forgotten only while no job lives, and a policy's word about one path is none about a
/// socket that was ever seen at another.
class Guard {
 public:
  /// Fills the tables and runs the probe. A guard that cannot be proven is no error; states() says so.
  [[nodiscard]] static Result<Guard> Create(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                                            const GuardOptions& options);

  [[nodiscard]] const std::vector<ClassState>& states() const { return states_; }

  /// Before the first process of the scope.
  [[nodiscard]] Result<> Begin(std::uint32_t scope_id, const policy::CompiledPolicy& policy, Reach reach);
  /// Sockets that the policy speaks of come and go with their services: at the beginning, and from time to time, each
  /// time after Refresh. An error: some are not written, and may be neither allowed nor denied as the policy says.
  [[nodiscard]] Result<> RefreshSockets(std::uint32_t scope_id, const policy::CompiledPolicy& policy, Reach reach);
  /// Looks for runners and deputies that came or went since. Walks /proc and touches paths whose file systems may hang:
  /// for a thread of its own, and at a job's beginning. An error: something that was found is not guarded.
  [[nodiscard]] Result<> Refresh(bool jobs_live);

  /// This Runner.Worker goes into a job's scope and stays the runner's: the job may not touch it. Before it goes in.
  void Vouch(pid_t pid);

  /// Attempts so far; nullopt: the scope has none on record.
  [[nodiscard]] Result<std::optional<weir_guard_scope>> Read(std::uint32_t scope_id) const {
    return tables_.ReadScope(scope_id);
  }

 private:
  using Id = std::pair<std::uint64_t, std::uint64_t>;  ///< device and inode

  Guard(GuardTables tables, sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
        std::filesystem::path root)
      : tables_(std::move(tables)), programs_(&programs), maps_(&maps), root_(std::move(root)) {}
  Result<> GuardOwn(const GuardOptions& options);
  Result<> TakeOver();
  Result<> RefreshRunners(std::map<Id, weir_guarded>& found);
  /// The fallback is attached while a scope is judged. `mutex_` must be held, so that no scope begins meanwhile.
  Result<> SettleFallback();

  GuardTables tables_;
  sensor_bpf::Programs* programs_;
  const sensor_bpf::PolicyMaps* maps_;
  std::filesystem::path root_;
  std::vector<ClassState> states_;

  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  ///< guards what follows
  std::set<Id> own_;                                                    ///< rows that nothing found by path replaces
  std::map<Id, weir_guarded> guarded_;                                  ///< further rows in the table
  std::map<Id, std::set<std::string>> deputies_;                        ///< every path at which each was seen
  std::set<std::string> judged_with_host_;                              ///< paths of deputies that do not escape
  std::map<pid_t, std::uint64_t> vouched_;                              ///< runners inside scopes: pid and start
  std::set<pid_t> runners_;                                             ///< in the table
};

}  // namespace weir::guard
