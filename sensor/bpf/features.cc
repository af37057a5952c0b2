// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "sensor/base/fd.h"

namespace weir::sensor_bpf {
namespace {

struct Needed {
  int capability;
  const char* name;
  const char* use;
};

// CAP_SYS_ADMIN covers CAP_BPF and CAP_PERFMON on every kernel, and is needed besides for setns(2) and mount(2).
constexpr std::array<Needed, 3> kNeeded{{
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "to load BPF programs and enter network namespaces"},
    {CAP_NET_ADMIN, "CAP_NET_ADMIN", "to attach network programs"},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "to look at the sockets of processes that join a job"},
}};

bool Has(const std::array<__user_cap_data_struct, 2>& data, int capability) {
  return (data[static_cast<std::size_t>(capability / 32)].effective >> (capability % 32)) & 1u;
}

Result<> CheckBpfCall() {
  Fd probe(bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_probe", sizeof(std::uint32_t), sizeof(std::uint32_t), 1, nullptr));
  if (probe) return {};
  if (errno == EPERM || errno == EACCES) {
    return Fail(Code::kPrivilege,
                "the kernel refuses bpf(2) although the capabilities are there: a container's seccomp profile, a user "
                "namespace or kernel lockdown forbids it; run on the host as root",
                errno);
  }
  if (errno == ENOSYS) return Fail(Code::kUnsupported, "the kernel was built without CONFIG_BPF_SYSCALL", ENOSYS);
  return FailErrno("cannot make a BPF map", errno);
}

Result<> CheckMapType(bpf_map_type type, const char* name, const char* since) {
  if (libbpf_probe_bpf_map_type(type, nullptr) == 1) return {};
  return Fail(Code::kUnsupported,
              std::string("the kernel has no BPF ") + name + " (Linux " + since + " and later have it)");
}

}  // namespace

Result<> CheckPrivileges() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) return FailErrno("cannot read own capabilities", errno);
  std::string missing;
  for (const Needed& needed : kNeeded) {
    if (Has(data, needed.capability)) continue;
    if (!missing.empty()) missing += ", ";
    missing += std::string(needed.name) + " (" + needed.use + ")";
  }
  if (missing.empty()) return {};
  return Fail(Code::kPrivilege, "missing " + missing + "; run as root, for example with sudo", EPERM);
}

Result<> CheckKernel(const std::filesystem::path& cgroup_root) {
  struct statfs info {};
  if (::statfs(cgroup_root.c_str(), &info) != 0) {
    return FailErrno("cannot look at the cgroup root " + cgroup_root.string(), errno);
  }
  if (static_cast<unsigned long>(info.f_type) != CGROUP2_SUPER_MAGIC) {
    return Fail(Code::kInvalid, "cgroup root " + cgroup_root.string() + " is not in a cgroup2 file system");
  }
  WEIR_TRY(CheckBpfCall());
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0) {
    return Fail(Code::kUnsupported,
                "the kernel has no type information (/sys/kernel/btf/vmlinux): it was built without "
                "CONFIG_DEBUG_INFO_BTF; use a distribution's stock kernel, 5.10 or later",
                errno);
  }
  WEIR_TRY(CheckMapType(BPF_MAP_TYPE_RINGBUF, "ring buffer", "5.8"));
  WEIR_TRY(CheckMapType(BPF_MAP_TYPE_SK_STORAGE, "socket storage", "5.2"));
  WEIR_TRY(CheckMapType(BPF_MAP_TYPE_LPM_TRIE, "longest-prefix map", "4.11"));
  return {};
}

}  // namespace weir::sensor_bpf
