// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/guard.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "sensor/guard/deputies.h"
#include "sensor/guard/helpers.h"
#include "sensor/guard/probe.h"
#include "sensor/guard/runner.h"

namespace weir::guard {
namespace {

/// Are the pins mounted for init as well? A service may run in a mount namespace of its own; jobs begin in the host's.
bool InitSees(const std::filesystem::path& pin_directory, const weir_guarded_key& pins) {
  const auto there = IdentityOf("/proc/1/root" + pin_directory.string());
  return there && there->dev == pins.dev && there->inode == pins.inode;
}

Result<weir_host> HostRow(const std::filesystem::path& pin_directory) {
  weir_host host{};
  auto pins = IdentityOf(pin_directory);
  WEIR_TRY(pins);
  host.pins_dev = pins->dev;
  struct stat netns {};
  if (::stat("/proc/self/ns/net", &netns) != 0) return FailErrno("cannot look at the network namespace", errno);
  host.netns_inode = static_cast<std::uint32_t>(netns.st_ino);
  struct stat mntns {};
  if (::stat(InitSees(pin_directory, *pins) ? "/proc/1/ns/mnt" : "/proc/self/ns/mnt", &mntns) != 0)
    return FailErrno("cannot look at the mount namespace", errno);
  host.mntns_inode = static_cast<std::uint32_t>(mntns.st_ino);
  return host;
}

/// The first error of several steps that are all taken.
void Keep(Result<>& kept, Result<> next) {
  if (kept && !next) kept = std::move(next);
}

/// /var/run is /run.
std::string Normal(const std::string& path) {
  constexpr std::string_view kOld = "/var/run/";
  return path.starts_with(kOld) ? "/run/" + path.substr(kOld.size()) : path;
}

}  // namespace

Result<Guard> Guard::Create(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                            const GuardOptions& options) {
  auto tables = GuardTables::Of(programs);
  WEIR_TRY(tables);
  Guard guard(std::move(*tables), programs, maps, options.root);
  auto host = HostRow(options.pin_directory);
  WEIR_TRY(host);
  WEIR_TRY(guard.tables_.WriteHost(*host));
  WEIR_TRY(guard.TakeOver());
  WEIR_TRY(guard.GuardOwn(options));
  const auto outcomes = RunProbe(
      programs, maps, guard.tables_,
      {options.cgroup_root, options.jobs_root, options.pin_directory, options.state_directory / "guard-probe"});
  guard.states_ = Judge(outcomes ? *outcomes : Outcomes{}, programs.missing_guards(), programs.fallback(),
                        outcomes ? std::string() : outcomes.error().what);
  WEIR_TRY(guard.SettleFallback());
  return guard;
}

Result<> Guard::SettleFallback() {
  const auto any = tables_.AnyScope();
  WEIR_TRY(any);
  return programs_->KeepFallback(*any);
}

Result<> Guard::GuardOwn(const GuardOptions& options) {
  WEIR_TRY(tables_.Protect(::getpid(), WEIR_P_SENSOR));
  WEIR_TRY(tables_.WriteOwnPath(0, options.pin_directory, WEIR_G_MOUNT));
  WEIR_TRY(tables_.WriteOwnPath(1, options.state_directory, WEIR_G_SENSOR_FILES));
  auto state = IdentityOf(options.state_directory);
  WEIR_TRY(state);
  const weir_guarded how{WEIR_G_SENSOR_FILES, WEIR_GF_WRITE_ONLY | WEIR_GF_BELOW};
  // The second: what is opened by handle, and the raw device.
  for (const weir_guarded_key& key : {*state, weir_guarded_key{state->dev, 0}}) {
    WEIR_TRY(tables_.Guard(key, how));
    own_.emplace(key.dev, key.inode);
    guarded_.erase({key.dev, key.inode});
  }
  return {};
}

/// Rows that an earlier sensor left are ours to forget. Its processes are gone: one sensor owns the pins at a time.
Result<> Guard::TakeOver() {
  std::vector<pid_t> gone;
  WEIR_TRY(tables_.ForEachProtected([&](pid_t pid, const weir_protected& entry) {
    if (entry.who == WEIR_P_RUNNER)
      runners_.insert(pid);
    else
      gone.push_back(pid);
  }));
  for (const pid_t pid : gone) WEIR_TRY(tables_.Unprotect(pid));
  return tables_.ForEachGuarded(
      [this](const weir_guarded_key& key, const weir_guarded& how) { guarded_.emplace(Id(key.dev, key.inode), how); });
}

Result<> Guard::RefreshRunners(std::map<Id, weir_guarded>& found) {
  const Runner runner = FindRunner([this](pid_t pid) {
    const auto vouched = vouched_.find(pid);
    if (vouched != vouched_.end() && vouched->second == StartOf(pid)) return false;
    const auto task = maps_->Task(static_cast<std::uint32_t>(pid));
    return !task || (*task && ((*task)->flags & WEIR_T_SERVICE) == 0);
  });
  for (const RunnerFile& file : runner.files) {
    if (const auto id = IdentityOf(file.path))
      found.emplace(Id(id->dev, id->inode), weir_guarded{WEIR_G_RUNNER_FILES, file.readable ? WEIR_GF_WRITE_ONLY : 0u});
  }
  Result<> done;
  const std::set<pid_t> processes(runner.processes.begin(), runner.processes.end());
  for (const pid_t pid : processes) Keep(done, tables_.Protect(pid, WEIR_P_RUNNER));
  for (const pid_t pid : runners_) {
    if (!processes.contains(pid)) Keep(done, tables_.Unprotect(pid));
  }
  runners_ = processes;
  std::erase_if(vouched_, [](const auto& entry) { return StartOf(entry.first) != entry.second; });
  return done;
}

void Guard::Vouch(pid_t pid) {
  const std::lock_guard lock(*mutex_);
  vouched_[pid] = StartOf(pid);
}

Result<> Guard::Refresh(bool jobs_live) {
  const auto deputies = FindDeputies(root_);
  const auto helpers = FindHelpers(root_);
  const std::lock_guard lock(*mutex_);
  if (!jobs_live) deputies_.clear();
  std::map<Id, weir_guarded> found;
  for (const auto& [path, escapes] : deputies) {
    const auto id = IdentityOf(path);
    if (!id) continue;
    found.emplace(Id(id->dev, id->inode), weir_guarded{WEIR_G_SOCKETS, IsNameService(path) ? WEIR_GF_UNASKED : 0u});
    deputies_[{id->dev, id->inode}].insert(path.string());
    if (!escapes) judged_with_host_.insert(path.string());
  }
  for (const HelperFile& helper : helpers) {
    const weir_guarded how{WEIR_G_HELPERS, WEIR_GF_WRITE_ONLY | (helper.is_directory ? WEIR_GF_BELOW : 0u)};
    for (const auto& id : {IdentityOf(helper.path), LinkIdentityOf(helper.path)})
      if (id) found.emplace(Id(id->dev, id->inode), how);
  }
  Result<> done = RefreshRunners(found);
  Keep(done, SettleFallback());
  for (const auto& [id, how] : found) {
    if (own_.contains(id) || guarded_.contains(id)) continue;
    auto written = tables_.Guard({id.first, id.second}, how);
    if (written) guarded_.emplace(id, how);
    Keep(done, std::move(written));
  }
  if (jobs_live) return done;
  // Also words that were written while their scope was swept.
  Keep(done, tables_.RemoveSockets());
  for (auto row = guarded_.begin(); row != guarded_.end();) {
    if (found.contains(row->first)) {
      ++row;
      continue;
    }
    Keep(done, tables_.Unguard({row->first.first, row->first.second}));
    row = guarded_.erase(row);
  }
  return done;
}

Result<> Guard::RefreshSockets(std::uint32_t scope_id, const policy::CompiledPolicy& policy, Reach reach) {
  Result<> done;
  const std::lock_guard lock(*mutex_);
  std::set<std::string> allowed;
  if (reach == Reach::kHost) allowed = judged_with_host_;
  for (const auto& [path, action] : policy.sockets) {
    if (action == "allow") allowed.insert(Normal(path));
    if (action != "deny") continue;
    allowed.erase(Normal(path));
    if (const auto id = IdentityOf(path)) Keep(done, tables_.WriteSocket(scope_id, *id, /*allow=*/false));
  }
  if (allowed.empty()) return done;
  // Only deputies are refused, so only they need to be allowed: each by every path at which it was ever seen, or a job
  // could put one at a path that the policy names.
  for (const auto& [id, paths] : deputies_) {
    const bool all =
        std::all_of(paths.begin(), paths.end(), [&](const std::string& path) { return allowed.contains(path); });
    const bool any =
        std::any_of(paths.begin(), paths.end(), [&](const std::string& path) { return allowed.contains(path); });
    const weir_guarded_key key{id.first, id.second};
    if (all) Keep(done, tables_.WriteSocket(scope_id, key, /*allow=*/true));
    if (any && !all) Keep(done, tables_.RemoveSocket(scope_id, key));
  }
  return done;
}

Result<> Guard::Begin(std::uint32_t scope_id, const policy::CompiledPolicy& policy, Reach reach) {
  {
    const std::lock_guard lock(*mutex_);
    WEIR_TRY(tables_.WriteScope(scope_id, policy::GuardMasksOf(policy)));
    WEIR_TRY(SettleFallback());
  }
  return RefreshSockets(scope_id, policy, reach);
}

}  // namespace weir::guard
