// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/pin_dir.h"

#include <linux/magic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <filesystem>

namespace weir::lab {

Result<PinDir> PinDir::Create() {
  static constexpr char kMount[] = "/sys/fs/bpf";
  struct statfs info = {};
  if (::statfs(kMount, &info) != 0) return FailErrno("statfs /sys/fs/bpf", errno);
  if (info.f_type != BPF_FS_MAGIC && ::mount("bpf", kMount, "bpf", 0, nullptr) != 0) {
    return FailErrno("mount bpffs", errno);
  }
  std::string path = std::string(kMount) + "/weir-test-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return FailErrno("mkdtemp " + path, errno);
  return PinDir(std::move(path));
}

PinDir::~PinDir() {
  std::error_code ignored;
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace weir::lab
