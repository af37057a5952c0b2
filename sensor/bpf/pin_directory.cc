// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/pin_directory.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <utility>

namespace weir::sensor_bpf {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsualMount = "/sys/fs/bpf";

fs::path DeepestExisting(fs::path path) {
  std::error_code ignored;
  while (!path.empty() && path != path.root_path() && !fs::exists(path, ignored)) path = path.parent_path();
  return path;
}

bool IsBpffs(const fs::path& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && static_cast<unsigned long>(info.f_type) == BPF_FS_MAGIC;
}

Result<> EnsureBpffs(const fs::path& path) {
  if (IsBpffs(DeepestExisting(path))) return {};
  const std::string text = path.lexically_normal().string();
  if (!text.starts_with(std::string(kUsualMount) + "/")) {
    return Fail(Code::kInvalid, "pin directory " + text + " is not in a BPF file system; choose one below " +
                                    kUsualMount + ", or mount one there with `mount -t bpf bpf DIR`");
  }
  if (::mount("bpf", kUsualMount, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) {
    return FailErrno(std::string("cannot mount a BPF file system at ") + kUsualMount, errno);
  }
  return {};
}

}  // namespace

Result<PinDirectory> PinDirectory::Open(const fs::path& path) {
  if (!path.is_absolute()) return Fail(Code::kInvalid, "pin directory " + path.string() + " is not an absolute path");
  WEIR_TRY(EnsureBpffs(path));
  // Up to its parents the directory is whatever the host made it; our own part is for root alone.
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return FailErrno("cannot make the pin directory " + path.string(), errno);
  }
  auto lock = DirectoryLock::Take(path);
  WEIR_TRY(lock);
  struct stat info {};
  if (::fstat(lock->fd(), &info) != 0) return FailErrno("cannot look at the pin directory " + path.string(), errno);
  if (info.st_uid != 0 || (info.st_mode & 0077) != 0) {
    return Fail(Code::kPrivilege, "pin directory " + path.string() + " must belong to root and have mode 0700");
  }
  return PinDirectory(path, std::move(*lock));
}

bool PinDirectory::HasMap(std::string_view name) const {
  std::error_code ignored;
  return fs::exists(MapPath(name), ignored);
}

std::vector<std::string> PinDirectory::Links() const {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(path_ / "links", ignored)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

Result<> PinDirectory::RemovePins() const {
  // Links first: programs must not run on maps that are half gone.
  std::error_code error;
  fs::remove_all(path_ / "links", error);
  if (error) return FailErrno("cannot remove links below " + path_.string(), error.value());
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    std::error_code failed;
    fs::remove_all(entry.path(), failed);
    if (failed) return FailErrno("cannot remove " + entry.path().string(), failed.value());
  }
  if (error) return FailErrno("cannot list " + path_.string(), error.value());
  return {};
}

Result<> PinDirectory::Remove() const {
  WEIR_TRY(RemovePins());
  if (::rmdir(path_.c_str()) != 0 && errno != ENOENT) return FailErrno("cannot remove " + path_.string(), errno);
  return {};
}

}  // namespace weir::sensor_bpf
