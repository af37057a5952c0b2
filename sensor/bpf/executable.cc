// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <sstream>

#include "sensor/bpf/policy_entries.h"

namespace weir::sensor_bpf {
namespace {

// How the kernel keeps a device number (include/linux/kdev_t.h MKDEV).
std::uint64_t KernelDevice(std::uint64_t major, std::uint64_t minor) { return major << 20 | minor; }

// "36 35 98:0 /mnt1 /mnt2 …": mount id, parent, major:minor of the super block (proc_pid_mountinfo(5)).
std::optional<std::uint64_t> DeviceOfMount(std::uint64_t mount_id) {
  std::ifstream file("/proc/self/mountinfo");
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::uint64_t id = 0, parent = 0, major = 0, minor = 0;
    char colon = 0;
    if (fields >> id >> parent >> major >> colon >> minor && colon == ':' && id == mount_id) {
      return KernelDevice(major, minor);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<FileIdentity> FindExecutableOnHost(const std::string& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_INO | STATX_TYPE | STATX_MNT_ID, &info) != 0) return std::nullopt;
  if (!S_ISREG(info.stx_mode)) return std::nullopt;
  FileIdentity file{KernelDevice(info.stx_dev_major, info.stx_dev_minor), info.stx_ino};
  if ((info.stx_mask & STATX_MNT_ID) != 0) {
    if (const auto device = DeviceOfMount(info.stx_mnt_id)) file.device = *device;
  }
  return file;
}

}  // namespace weir::sensor_bpf
