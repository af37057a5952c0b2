// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/doctor.h"

#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "collector/cli/host/facts.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/host/places.h"
#include "collector/cli/host/resolv_conf.h"
#include "sensor/base/fd.h"
#include "sensor/jobs/mountinfo.h"

namespace weir::cli {
namespace {

constexpr KernelVersion kOldest{5, 10};
constexpr KernelVersion kNoMemlock{5, 11};  // BPF memory is charged to the cgroup from there on
constexpr std::size_t kMaxFileBytes = 4 << 20;

std::string ReadOr(const std::string& path, const std::string& otherwise = "") {
  return ReadWholeFile(path, kMaxFileBytes).value_or(otherwise);
}

Check CheckBtf() {
  constexpr const char* kPath = "/sys/kernel/btf/vmlinux";
  if (access(kPath, R_OK) == 0) return {"btf", Health::kOk, kPath, ""};
  return {"btf", Health::kFail, std::string(kPath) + " cannot be read",
          "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (those of Debian 11+, Ubuntu 20.10+, RHEL 8.2+ are)"};
}

// The one feature that is tried, because nothing in /proc tells about it.
Check CheckRingBuffer() {
  union bpf_attr attr {};
  attr.map_type = BPF_MAP_TYPE_RINGBUF;
  attr.max_entries = 4096;
  const Fd map(static_cast<int>(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr)));
  if (map) return {"ring-buffer", Health::kOk, "BPF ring buffers work", ""};
  const int reason = errno;
  const std::string what = std::string("bpf(BPF_MAP_CREATE, RINGBUF): ") + std::strerror(reason);
  if (reason == EPERM || reason == EACCES) {
    return {"ring-buffer", Health::kFail, what, "run as root; in a container, allow bpf(2) in its seccomp profile"};
  }
  return {"ring-buffer", Health::kFail, what, "use a kernel of 5.10 or newer with CONFIG_BPF_SYSCALL=y"};
}

// The cgroup that a sensor would attach to; empty: none. Chosen as the sensor chooses.
std::string CgroupRoot(const std::string& mountinfo, const std::string& given) {
  if (!given.empty()) return given;
  const auto mount = jobs::ChooseCgroup2(jobs::ParseMountinfo(mountinfo));
  return mount ? mount->string() : "";
}

Check CheckCgroupWritable(Check check, const std::string& root) {
  if (check.health != Health::kOk || access(root.c_str(), W_OK) == 0) return check;
  check.health = Health::kFail;
  check.finding += ", not writable";
  check.remedy = "run as root; in a container, mount it read-write";
  return check;
}

Check CheckSocket(const std::string& id, const std::string& path, const std::string& without) {
  const auto answers = ProbeSocket(path);
  if (answers) return {id, Health::kOk, "answers on " + path, ""};
  const Error& error = answers.error();
  if (error.sys_errno == ENOENT) return {id, Health::kOk, "not running; " + without, ""};
  if (error.code == Code::kPrivilege) {
    return {id, Health::kWarn, path + " may not be opened by this user", "run as root, or join the socket's group"};
  }
  return {id, Health::kWarn, error.what, "restart the service: its socket is stale"};
}

// The directory may not exist yet; the nearest one that does decides.
Check CheckStateDirectory(const std::string& path) {
  std::string nearest = path;
  while (access(nearest.c_str(), F_OK) != 0 && nearest.find('/') != std::string::npos && nearest != "/") {
    nearest = nearest.substr(0, nearest.rfind('/'));
    if (nearest.empty()) nearest = "/";
  }
  if (access(nearest.c_str(), W_OK) == 0) return {"state", Health::kOk, path, ""};
  return {"state", Health::kWarn, path + " cannot be written by this user", "set WEIR_STATE_DIR, or give --state-dir"};
}

Check CheckScope() {
  if (const auto job = EnclosingJob()) {
    return {"scope", Health::kWarn, "this process runs inside job " + *job, "run weir outside of it: jobs do not nest"};
  }
  return {"scope", Health::kOk, "this process is in no job", ""};
}

}  // namespace

std::string HealthName(Health health) {
  switch (health) {
    case Health::kOk: return "ok";
    case Health::kWarn: return "warn";
    case Health::kFail: return "fail";
  }
  return "fail";
}

Check CheckKernel(const std::string& release) {
  const auto version = ParseKernelRelease(release);
  if (version && *version >= kOldest) return {"kernel", Health::kOk, "Linux " + release, ""};
  return {"kernel", Health::kFail, "Linux " + release + ", older than 5.10", "use a kernel of 5.10 or newer"};
}

Check CheckCapabilities(const std::string& proc_status) {
  // Numbers of linux/capability.h. CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, which came with 5.8.
  constexpr int kNetAdmin = 12;
  constexpr int kSysPtrace = 19;
  constexpr int kSysAdmin = 21;
  constexpr int kPerfmon = 38;
  constexpr int kBpf = 39;
  struct Need {
    int number;
    const char* name;
    const char* why;
    bool admin_will_do;
  };
  constexpr Need kNeeds[] = {{kBpf, "CAP_BPF", "load programs", true},
                             {kPerfmon, "CAP_PERFMON", "trace processes", true},
                             {kNetAdmin, "CAP_NET_ADMIN", "attach to sockets and packets", false},
                             {kSysPtrace, "CAP_SYS_PTRACE", "take over the sockets of a joining process", false},
                             {kSysAdmin, "CAP_SYS_ADMIN", "enter network namespaces", false}};
  const auto mask = ParseEffectiveCapabilities(proc_status);
  if (!mask) return {"capabilities", Health::kWarn, "/proc/self/status does not tell them", ""};
  const auto has = [&](int number) { return (*mask >> number & 1) != 0; };
  std::string missing;
  for (const Need& need : kNeeds) {
    if (has(need.number) || (need.admin_will_do && has(kSysAdmin))) continue;
    missing += std::string(missing.empty() ? "" : ", ") + need.name + " (" + need.why + ")";
  }
  if (missing.empty()) return {"capabilities", Health::kOk, "all that are needed", ""};
  return {"capabilities", Health::kFail, "missing " + missing, "run as root (sudo), or ask a running weir-sensor"};
}

Check CheckCgroup(const std::string& mountinfo, const std::string& cgroup_root) {
  const std::string root = CgroupRoot(mountinfo, cgroup_root);
  if (root.empty()) {
    return {"cgroup2", Health::kFail, "no cgroup2 file system is mounted",
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"};
  }
  if (cgroup_root.empty()) return {"cgroup2", Health::kOk, "mounted at " + root, ""};
  for (const jobs::Mount& mount : jobs::ParseMountinfo(mountinfo)) {
    if (mount.type == "cgroup2" && (root + "/").starts_with(mount.point + "/")) {
      return {"cgroup2", Health::kOk, root + " (given), in the mount at " + mount.point, ""};
    }
  }
  return {"cgroup2", Health::kFail, root + " is in no cgroup2 mount", "correct --cgroup-root"};
}

Check CheckBpffs(const std::string& mountinfo) {
  for (const jobs::Mount& mount : jobs::ParseMountinfo(mountinfo)) {
    if (mount.type == "bpf") return {"bpffs", Health::kOk, "mounted at " + mount.point, ""};
  }
  return {"bpffs", Health::kFail, "no BPF file system is mounted", "mount -t bpf bpf /sys/fs/bpf"};
}

Check CheckLsm(const std::string& lsm_list) {
  const auto modules = SplitList(lsm_list, ',');
  if (modules.empty()) {
    return {"lsm", Health::kWarn, "/sys/kernel/security/lsm cannot be read",
            "mount -t securityfs securityfs /sys/kernel/security"};
  }
  std::string list;
  for (const auto& module : modules) list += (list.empty() ? "" : ",") + module;
  const bool live = std::find(modules.begin(), modules.end(), "bpf") != modules.end();
  // Egress is judged by cgroup programs, which need no LSM; so this is a fact, not a fault.
  return {"lsm", Health::kOk, list + (live ? " (BPF LSM is live)" : " (BPF LSM is not live; egress does not need it)"),
          ""};
}

Check CheckFtrace(const std::string& ftrace_enabled) {
  const auto value = SplitList(ftrace_enabled, '\n');
  if (!value.empty() && value.front() == "1") return {"ftrace", Health::kOk, "kernel.ftrace_enabled = 1", ""};
  if (!value.empty()) {
    return {"ftrace", Health::kWarn, "kernel.ftrace_enabled = 0: fentry, fmod_ret and LSM programs never run",
            "sysctl kernel.ftrace_enabled=1"};
  }
  return {"ftrace", Health::kWarn, "this kernel has no ftrace: fentry, fmod_ret and LSM programs cannot be used",
          "use a kernel built with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y to have them; egress does not need it"};
}

Check CheckLockdown(const std::string& lockdown) {
  const std::string choice = BracketedChoice(lockdown);
  if (choice == "confidentiality") {
    return {"lockdown", Health::kFail, "confidentiality: BPF may not read kernel memory, so processes are not seen",
            "boot with lockdown=integrity"};
  }
  return {"lockdown", Health::kOk, choice.empty() ? "none" : choice, ""};
}

Check CheckMemlock(const std::string& release, unsigned long long limit_bytes, bool unlimited) {
  const auto version = ParseKernelRelease(release);
  if (version && *version >= kNoMemlock) return {"memlock", Health::kOk, "not used by this kernel for BPF", ""};
  if (unlimited) return {"memlock", Health::kOk, "unlimited", ""};
  return {"memlock", Health::kWarn, "limited to " + std::to_string(limit_bytes) + " bytes", "ulimit -l unlimited"};
}

Check CheckResolvers(const std::vector<std::string>& servers) {
  std::string list;
  bool stub = false;
  for (const auto& server : servers) {
    list += (list.empty() ? "" : ", ") + server;
    stub = stub || server.starts_with("127.") || server == "::1";
  }
  return {"resolvers", Health::kOk,
          list + (stub ? " (a stub on this host: trusted while its socket is in no job)" : ""), ""};
}

std::vector<Check> ExamineHost(const DoctorConfig& config) {
  utsname kernel{};
  uname(&kernel);
  // As libbpf does before it loads anything: what may raise the limit is not bound by it.
  rlimit memlock{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_MEMLOCK, &memlock);
  getrlimit(RLIMIT_MEMLOCK, &memlock);
  const std::string mountinfo = ReadOr("/proc/self/mountinfo");
  return {CheckKernel(kernel.release),
          CheckBtf(),
          CheckCgroupWritable(CheckCgroup(mountinfo, config.cgroup_root), CgroupRoot(mountinfo, config.cgroup_root)),
          CheckBpffs(mountinfo),
          CheckCapabilities(ReadOr("/proc/self/status")),
          CheckRingBuffer(),
          CheckLsm(ReadOr("/sys/kernel/security/lsm")),
          CheckFtrace(ReadOr("/proc/sys/kernel/ftrace_enabled")),
          CheckLockdown(ReadOr("/sys/kernel/security/lockdown")),
          CheckMemlock(kernel.release, memlock.rlim_cur, memlock.rlim_cur == RLIM_INFINITY),
          CheckResolvers(ReadResolverSetup().servers),
          CheckStateDirectory(config.state_dir),
          CheckScope(),
          CheckSocket("sensor", config.sensor_socket, "weir run starts one inside itself"),
          CheckSocket("collector", config.collector_socket, "commands open the local database")};
}

}  // namespace weir::cli
