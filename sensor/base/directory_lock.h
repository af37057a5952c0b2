// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir {

/// Owner of the exclusive lock on a directory. Unlocks explicitly: closing alone would leave it with a child that was
/// forked meanwhile and has not come to its execve.
class DirectoryLock {
 public:
  /// kExists: somebody else holds it.
  [[nodiscard]] static Result<DirectoryLock> Take(const std::filesystem::path& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return FailErrno("cannot open " + path.string(), errno);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return DirectoryLock(std::move(fd));
    if (errno == EWOULDBLOCK) return Fail(Code::kExists, "another sensor uses " + path.string(), EWOULDBLOCK);
    return FailErrno("cannot lock " + path.string(), errno);
  }
  DirectoryLock(DirectoryLock&&) noexcept = default;
  DirectoryLock& operator=(DirectoryLock&& other) noexcept {
    if (this != &other) {
      Unlock();
      fd_ = std::move(other.fd_);
    }
    return *this;
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock() { Unlock(); }

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  explicit DirectoryLock(Fd fd) : fd_(std::move(fd)) {}
  void Unlock() {
    if (fd_) ::flock(fd_.get(), LOCK_UN);
  }
  Fd fd_;
};

}  // namespace weir
