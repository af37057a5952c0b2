// SPDX-License-Identifier: Apache-2.0
// A job that has the whole host (DESIGN 2.1, decision 0017): every process but those of exempt cgroups is in its scope,
// so that no service that acts for others is a way out. For machines that run one job and are thrown away.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "sensor/app/parts.h"
#include "sensor/base/process_stat.h"
#include "sensor/jobs/host_cgroups.h"
#include "sensor/jobs/job_id.h"
#include "sensor/jobs/mountinfo.h"
#include "sensor/jobs/sockets.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

constexpr int kPasses = 8;  // processes that are born meanwhile are taken in at birth; this is for those born before
constexpr const char* kSensorCgroup = "weir-sensor";

Result<std::uint64_t> CgroupId(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return FailErrno("cannot look at cgroup " + path.string(), errno);
  return info.st_ino;
}

/// An exempt cgroup that holds those of jobs, as weir.slice does, exempts what is in it beside them: the way to them is
/// the host's again from the next level on. Empty: it does not hold them.
fs::path TowardsJobs(const fs::path& exempt, const fs::path& jobs_cgroup) {
  const fs::path rest = jobs_cgroup.lexically_normal().lexically_relative(exempt);
  if (rest.empty() || *rest.begin() == ".." || *rest.begin() == ".") return {};
  return exempt / *rest.begin();
}

/// Is the process in one of these, or below?
bool IsWithin(const fs::path& root, const std::vector<jobs::FoundCgroup>& cgroups, pid_t pid) {
  for (const jobs::FoundCgroup& cgroup : cgroups) {
    auto opened = jobs::JobCgroup::Open(root / cgroup.path, cgroup.id);
    if (!opened) continue;
    const auto pids = opened->Processes();
    if (pids && std::binary_search(pids->begin(), pids->end(), pid)) return true;
  }
  return false;
}

/// The process and all that descend from it, parents first.
std::vector<pid_t> Tree(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const pid_t pid = std::atoi(entry.path().filename().c_str());
    if (pid <= 0) continue;
    if (const auto stat = ReadProcessStat(pid)) children.emplace(stat->parent, pid);
  }
  std::vector<pid_t> tree{root};
  for (std::size_t at = 0; at < tree.size(); ++at) {
    const auto [first, last] = children.equal_range(tree[at]);
    for (auto child = first; child != last; ++child) tree.push_back(child->second);
  }
  return tree;
}

}  // namespace

Result<> Sensor::Parts::CheckAlone(bool whole_host, std::size_t others_beginning) const {
  for (const LiveJobPtr& job : Jobs()) {
    if (job->state.host)
      return Fail(Code::kExists, "job " + job->state.job_id + " has the whole host: there can be no other beside it");
    if (whole_host)
      return Fail(Code::kExists,
                  "job " + job->state.job_id + " is on this host: one that has the whole host must be alone");
  }
  if (whole_host && others_beginning != 0)
    return Fail(Code::kExists, "another job begins: one that has the whole host must be alone");
  return {};
}

/// Asked before the first bpf(2), which the guard would refuse in there without saying why.
Result<> Sensor::Parts::CheckPlace(const std::vector<jobs::JobState>& states) const {
  auto boot_id = jobs::BootId();
  WEIR_TRY(boot_id);
  for (const jobs::JobState& state : states) {
    if (!state.host || state.boot_id != *boot_id || state.end_time_ns != 0) continue;
    auto exempt = jobs::FindCgroups(config.cgroup_root, config.host_exempt);
    WEIR_TRY(exempt);
    if (IsWithin(config.cgroup_root, *exempt, ::getpid())) return {};
    return Fail(Code::kPrivilege,
                "job " + state.job_id +
                    " has the whole host, and this process with it: a sensor that goes on with it must "
                    "be started in an exempt cgroup (--host-exempt), as weir-sensor.service is");
  }
  return {};
}

/// What stays outside: exempt units, the service manager, and this sensor.
Result<std::vector<jobs::FoundCgroup>> Sensor::Parts::ExemptCgroups() {
  const fs::path& root = config.cgroup_root;
  auto exempt = jobs::FindCgroups(root, config.host_exempt);
  WEIR_TRY(exempt);
  const auto add = [&](const fs::path& path) -> Result<> {
    auto id = CgroupId(root / path);
    WEIR_TRY(id);
    exempt->push_back({path, *id});
    return {};
  };
  if (fs::is_directory(root / "init.scope")) WEIR_TRY(add("init.scope"));
  if (!IsWithin(root, *exempt, ::getpid())) {
    // It shares its cgroup with others, as a program that a step of the job started does.
    const fs::path own = config.jobs_cgroup / kSensorCgroup;
    if (::mkdir((root / own).c_str(), 0755) != 0 && errno != EEXIST)
      return FailErrno("cannot make cgroup " + (root / own).string(), errno);
    WEIR_TRY(add(own));
    auto cgroup = jobs::JobCgroup::Open(root / own, exempt->back().id);
    WEIR_TRY(cgroup);
    auto mount = jobs::FindCgroup2();
    WEIR_TRY(mount);
    auto here = jobs::CgroupOfProcess(::getpid());
    WEIR_TRY(here);
    WEIR_TRY(cgroup->Add(::getpid()));
    came_from = *mount / fs::path(*here).relative_path();
  }
  // A service manager in the root itself could not be told from what it starts.
  auto top = jobs::JobCgroup::Open(root, CgroupId(root).value_or(0));
  WEIR_TRY(top);
  const auto everybody = top->Processes();
  WEIR_TRY(everybody);
  if (std::binary_search(everybody->begin(), everybody->end(), 1) && !IsWithin(root, *exempt, 1))
    return Fail(Code::kUnsupported,
                "process 1 has no cgroup of its own (init.scope), so the services that it starts cannot be told from "
                "it: a job of the whole host needs systemd");
  return exempt;
}

Result<std::string> Sensor::Parts::ClaimHost(LiveJob& job) {
  const std::uint32_t scope_id = job.state.scope_id;
  auto exempt = ExemptCgroups();
  WEIR_TRY(exempt);
  std::vector<fs::path> inside{config.cgroup_root};
  for (const jobs::FoundCgroup& cgroup : *exempt) {
    WEIR_TRY(maps->WriteCgroup(cgroup.id, 0));
    const fs::path within = TowardsJobs(cgroup.path, config.jobs_cgroup);
    if (!within.empty()) inside.push_back(config.cgroup_root / within);
  }
  // From here on nobody is born outside; then those that are there already.
  WEIR_TRY(maps->JudgeByCgroup(scope_id));
  for (const fs::path& top : inside) {
    auto id = CgroupId(top);
    WEIR_TRY(id);
    WEIR_TRY(maps->WriteCgroup(*id, scope_id));
  }
  std::set<pid_t> taken;
  const auto is_new = [&](pid_t pid) {
    const auto task = maps->Task(static_cast<std::uint32_t>(pid));
    return task && (!*task || (*task)->scope_id == 0) && taken.insert(pid).second;
  };
  for (int pass = 0; pass < kPasses; ++pass) {
    std::size_t all = 0;
    for (const fs::path& top : inside) {
      auto moved =
          jobs::MoveInPlace(top, top == config.cgroup_root ? *exempt : std::vector<jobs::FoundCgroup>(), is_new);
      WEIR_TRY(moved);
      all += *moved;
    }
    if (all == 0) break;
  }
  for (const pid_t pid : taken) {
    const auto task = maps->Task(static_cast<std::uint32_t>(pid));
    // What cannot be looked at is judged all the same when it sends.
    if (task && *task && (*task)->scope_id == scope_id) static_cast<void>(jobs::AdoptSockets(*maps, pid, **task));
  }
  WEIR_TRY(guard->Refresh(/*jobs_live=*/true));
  std::string outside;
  for (const jobs::FoundCgroup& cgroup : *exempt) outside += (outside.empty() ? "" : ", ") + cgroup.path.string();
  return outside;
}

/// In the order that sets nobody of the job's own free: those keep their entries.
void Sensor::Parts::ReleaseHost(const LiveJob& job) {
  const std::uint32_t scope_id = job.state.scope_id;
  static_cast<void>(maps->RemoveCgroupsOf(scope_id));
  static_cast<void>(maps->WriteCgroup(job.state.cgroup_id, scope_id));
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto services = maps->TasksOf(scope_id, /*services=*/true);
    if (!services || services->empty()) break;
    for (const std::uint32_t tgid : *services) {
      static_cast<void>(maps->ForgetTask(tgid));
      jobs::ReleaseSockets(*maps, static_cast<pid_t>(tgid), scope_id);
    }
  }
  static_cast<void>(maps->RemoveCgroupsOf(0));
  if (came_from.empty()) return;
  auto back = jobs::JobCgroup::Open(came_from, CgroupId(came_from).value_or(0));
  if (back && back->Add(::getpid())) static_cast<void>(::rmdir((config.jobs_root() / kSensorCgroup).c_str()));
  came_from.clear();
}

Result<> Sensor::Parts::MoveIn(LiveJob& job, const std::vector<pid_t>& pids) {
  for (const pid_t pid : pids) {
    for (const pid_t member : Tree(pid)) {
      auto moved = job.cgroup->Add(member);
      if (!moved && (member == pid || moved.error().code != Code::kNotFound)) return moved;
    }
  }
  return {};
}

}  // namespace weir
