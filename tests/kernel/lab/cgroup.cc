// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace weir::lab {
namespace {

std::vector<pid_t> Members(const std::string& cgroup) {
  std::ifstream procs(cgroup + "/cgroup.procs");
  std::vector<pid_t> pids;
  for (pid_t pid = 0; procs >> pid;) pids.push_back(pid);
  return pids;
}

// Children first: rmdir(2) refuses a cgroup that has any.
void RemoveTree(const std::string& path) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
    if (entry.is_directory()) RemoveTree(entry.path());
  }
  for (int tries = 0; tries < 500 && ::rmdir(path.c_str()) != 0 && errno == EBUSY; ++tries) {
    for (const pid_t pid : Members(path)) ::kill(pid, SIGKILL);
    ::usleep(10'000);
  }
}

}  // namespace

Result<std::string> CgroupRoot() {
  if (const char* root = std::getenv("WEIR_CGROUP_ROOT")) return root;
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    if (line.find(" - cgroup2 ") == std::string::npos) continue;
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5; ++i) fields >> field;  // proc(5): the fifth is the mount point
    return field;
  }
  return Fail(Code::kUnsupported, "no cgroup2 is mounted");
}

Result<TempCgroup> TempCgroup::Create(const std::string& name) {
  static std::atomic<int> counter = 0;
  auto root = CgroupRoot();
  if (!root) return tl::unexpected(root.error());
  return CreateAt(*root + "/" + name + "-" + std::to_string(::getpid()) + "-" + std::to_string(counter++));
}

Result<TempCgroup> TempCgroup::CreateChild(const std::string& name) const { return CreateAt(path_ + "/" + name); }

Result<TempCgroup> TempCgroup::CreateAt(std::string path) {
  if (::mkdir(path.c_str(), 0755) != 0) return FailErrno("mkdir " + path, errno);
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info = {};
  if (!fd || ::fstat(fd.get(), &info) != 0) return FailErrno("open " + path, errno);
  return TempCgroup(std::move(path), std::move(fd), info.st_ino);  // cgroup2: the inode number is the node id
}

TempCgroup::~TempCgroup() {
  if (!fd_) return;
  fd_.Reset();
  RemoveTree(path_);
}

Result<> TempCgroup::Enter(pid_t pid) const {
  const std::string file = path_ + "/cgroup.procs";
  const Fd procs(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(pid);
  if (!procs || ::write(procs.get(), text.data(), text.size()) < 0) return FailErrno("write " + file, errno);
  return {};
}

}  // namespace weir::lab
