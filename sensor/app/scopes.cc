// SPDX-License-Identifier: Apache-2.0
// Scopes that are out of use, and who is still in one.
#include <signal.h>

#include <algorithm>
#include <cerrno>

#include "sensor/app/parts.h"

namespace weir {

Result<std::vector<pid_t>> Sensor::Parts::Survivors(std::uint32_t scope_id, const jobs::JobCgroup* cgroup) const {
  std::vector<pid_t> alive;
  if (cgroup) {
    auto inside = cgroup->Processes();
    WEIR_TRY(inside);
    alive = std::move(*inside);
  }
  // A root job can leave its cgroup; its scope it cannot.
  auto tasks = maps->TasksOf(scope_id);
  WEIR_TRY(tasks);
  for (const std::uint32_t tgid : *tasks) {
    const auto pid = static_cast<pid_t>(tgid);
    if (::kill(pid, 0) == 0 || errno != ESRCH) alive.push_back(pid);
  }
  std::sort(alive.begin(), alive.end());
  alive.erase(std::unique(alive.begin(), alive.end()), alive.end());
  return alive;
}

std::uint32_t Sensor::Parts::StepOf(pid_t pid) const {
  const auto task = maps->Task(static_cast<std::uint32_t>(pid));
  return task && *task ? (*task)->step : 0;
}

/// Slow work that no caller should wait for: a sweep walks whole tables.
void Sensor::Parts::TidyScopes() {
  std::vector<std::uint32_t> sweep, alone;
  {
    const std::lock_guard lock(mutex);
    sweep.swap(closed);
    alone = orphans;
  }
  for (const std::uint32_t scope_id : alone) {
    const auto left = Survivors(scope_id, nullptr);
    if (!left || !left->empty()) continue;
    // Whoever is in its cgroup without an entry (the table of tasks was full) is judged by that cgroup alone.
    if (auto scope = maps->ReadScope(scope_id);
        !scope || (*scope && !jobs::RemoveCgroupById(config.jobs_root(), (*scope)->cgroup_id)))
      continue;
    sweep.push_back(scope_id);
    const std::lock_guard lock(mutex);
    std::erase(orphans, scope_id);
  }
  if (sweep.empty()) return;
  // What fails stays denied, and is tried again with the next beat: rows that nobody sweeps fill the tables for good.
  std::vector<std::uint32_t> again;
  std::erase_if(sweep, [&](std::uint32_t scope_id) {
    if (CloseScope(scope_id)) return false;
    again.push_back(scope_id);
    return true;
  });
  auto inhabited = maps->SweepScopes(sweep);
  again.insert(again.end(), inhabited ? inhabited->begin() : sweep.begin(), inhabited ? inhabited->end() : sweep.end());
  const std::lock_guard lock(mutex);
  closed.insert(closed.end(), again.begin(), again.end());
}

/// Scopes of which no job is known: their state file is gone or unreadable. They stay as they are while a process of
/// theirs lives, because to drop them would set it free.
void Sensor::Parts::FindOrphans() {
  auto scopes = maps->Scopes();
  if (!scopes) return;
  for (const std::uint32_t scope_id : *scopes) {
    const bool known = std::any_of(live.begin(), live.end(),
                                   [&](const auto& entry) { return entry.second->state.scope_id == scope_id; });
    if (known) continue;
    const auto left = Survivors(scope_id, nullptr);
    if (!left || !left->empty())
      pipeline->Submit(0, events::Finding{"orphan-scope",
                                          "scope " + std::to_string(scope_id) +
                                              " has live processes and no job that is known; "
                                              "they stay judged",
                                          0,
                                          0,
                                          {}});
    orphans.push_back(scope_id);
  }
  // A sensor that was killed between the end of a job and its sweep.
  if (auto unswept = maps->UnsweptScopes()) closed = std::move(*unswept);
  TidyScopes();
}

}  // namespace weir
