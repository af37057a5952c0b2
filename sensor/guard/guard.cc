// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/guard.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sensor/guard/deputies.h"
#include "sensor/guard/probe.h"
#include "sensor/guard/runner.h"

namespace weir::guard {
namespace {

Result<weir_host> HostRow(const std::filesystem::path& pin_directory) {
  weir_host host{};
  auto pins = IdentityOf(pin_directory);
  WEIR_TRY(pins);
  host.pins_dev = pins->dev;
  struct stat netns {};
  if (::stat("/proc/self/ns/net", &netns) != 0) return FailErrno("cannot look at the network namespace", errno);
  host.netns_inode = static_cast<std::uint32_t>(netns.st_ino);
  struct stat mntns {};
  if (::stat("/proc/self/ns/mnt", &mntns) != 0) return FailErrno("cannot look at the mount namespace", errno);
  host.mntns_inode = static_cast<std::uint32_t>(mntns.st_ino);
  return host;
}

}  // namespace

Result<Guard> Guard::Create(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                            const GuardOptions& options) {
  auto tables = GuardTables::Of(programs);
  WEIR_TRY(tables);
  Guard guard(std::move(*tables), maps);
  auto host = HostRow(options.pin_directory);
  WEIR_TRY(host);
  WEIR_TRY(guard.tables_.WriteHost(*host));
  WEIR_TRY(guard.tables_.Protect(::getpid(), WEIR_P_SENSOR));
  if (auto state = IdentityOf(options.state_directory)) {
    const weir_guarded how{WEIR_G_SENSOR_FILES, WEIR_GF_WRITE_ONLY | WEIR_GF_BELOW};
    WEIR_TRY(guard.tables_.Guard(*state, how));
    WEIR_TRY(guard.tables_.Guard({state->dev, 0}, how));  // what is opened by handle, and the raw device
  }
  const auto outcomes = RunProbe(programs, maps, guard.tables_,
                                 {options.cgroup_root, options.pin_directory, options.state_directory / "guard-probe"});
  guard.states_ = Judge(outcomes ? *outcomes : Outcomes{}, programs.missing_guards(),
                        outcomes ? std::string() : outcomes.error().what);
  return guard;
}

void Guard::RefreshSockets(std::uint32_t scope_id, const policy::CompiledPolicy& policy) const {
  for (const auto& [path, action] : policy.sockets) {
    if (const auto socket = IdentityOf(path))
      static_cast<void>(tables_.WriteSocket(scope_id, *socket, action == "allow"));
  }
}

void Guard::Refresh() {
  std::map<std::pair<std::uint64_t, std::uint64_t>, weir_guarded> found;
  const auto add = [&found](const std::filesystem::path& path, const weir_guarded& how) {
    if (const auto file = IdentityOf(path)) found.emplace(std::pair(file->dev, file->inode), how);
  };
  for (const auto& path : FindDeputies()) add(path, {WEIR_G_SOCKETS, 0});
  Runner runner = FindRunner();
  std::erase_if(runner.processes, [this](pid_t pid) {
    const auto task = maps_->Task(static_cast<std::uint32_t>(pid));
    return !task || *task;  // a job's own process, whatever it calls itself
  });
  if (!runner.processes.empty()) {
    for (const RunnerFile& file : runner.files)
      add(file.path, {WEIR_G_RUNNER_FILES, file.readable ? WEIR_GF_WRITE_ONLY : 0u});
  }
  const std::set<pid_t> processes(runner.processes.begin(), runner.processes.end());

  const std::lock_guard lock(*refreshing_);
  // New ones first: what moves from one inode to another is guarded all the time.
  for (const auto& [id, how] : found) {
    if (!guarded_.contains(id)) static_cast<void>(tables_.Guard({id.first, id.second}, how));
  }
  for (const auto& [id, how] : guarded_) {
    if (!found.contains(id)) static_cast<void>(tables_.Unguard({id.first, id.second}));
  }
  for (const pid_t pid : processes) static_cast<void>(tables_.Protect(pid, WEIR_P_RUNNER));
  for (const pid_t pid : runners_) {
    if (!processes.contains(pid)) static_cast<void>(tables_.Unprotect(pid));
  }
  guarded_ = std::move(found);
  runners_ = processes;
}

Result<> Guard::Begin(std::uint32_t scope_id, const policy::CompiledPolicy& policy) const {
  WEIR_TRY(tables_.WriteScope(scope_id, policy::GuardMasksOf(policy)));
  RefreshSockets(scope_id, policy);
  return {};
}

}  // namespace weir::guard
