// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "sensor/base/fd.h"

namespace weir::jobs {
namespace {

Result<> WriteAll(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FailErrno("cannot write " + path.string(), errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<> WriteNew(const std::filesystem::path& path, std::string_view bytes, bool sync) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return FailErrno("cannot make " + path.string(), errno);
  WEIR_TRY(WriteAll(file.get(), bytes, path));
  if (sync && ::fsync(file.get()) != 0) return FailErrno("cannot sync " + path.string(), errno);
  return {};
}

}  // namespace

Result<std::string> ReadSmallFile(const std::filesystem::path& path, std::size_t bound) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return FailErrno("cannot open " + path.string(), errno);
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t got = ::read(file.get(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("cannot read " + path.string(), errno);
    if (got == 0) return text;
    if (text.size() + static_cast<std::size_t>(got) > bound) {
      return Fail(Code::kExhausted, path.string() + " is longer than " + std::to_string(bound) + " bytes");
    }
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<> ReplaceFile(const std::filesystem::path& path, std::string_view bytes, bool sync) {
  const std::filesystem::path fresh = path.string() + ".new";
  if (auto written = WriteNew(fresh, bytes, sync); !written) {
    (void)::unlink(fresh.c_str());
    return written;
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const int failed = errno;
    (void)::unlink(fresh.c_str());
    return FailErrno("cannot replace " + path.string(), failed);
  }
  if (!sync) return {};
  Fd directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return FailErrno("cannot sync " + path.parent_path().string(), errno);
  }
  return {};
}

}  // namespace weir::jobs
