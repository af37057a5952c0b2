// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/output_file.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace weir::cli {
namespace {

constexpr mode_t kReadableByAll = 0666;  // less the umask, as any program's output

std::string TemporaryName() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<std::uint64_t>(getpid());
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), ".weir-%016llx", static_cast<unsigned long long>(number));
  return text.data();
}

}  // namespace

OutputFile::OutputFile(std::string path, Fd directory, std::string name, Fd stream)
    : path_(std::move(path)), directory_(std::move(directory)), name_(std::move(name)), stream_(std::move(stream)) {}

Result<OutputFile> OutputFile::Open(const std::string& path) {
  if (path == "-") return OutputFile(path, Fd(), "", Fd());
  const std::size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return Fail(Code::kInvalid, "'" + path + "' names no file");
  Fd directory(open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    if (errno == ENOENT) return Fail(Code::kNotFound, path + ": the directory '" + parent + "' does not exist", ENOENT);
    return FailErrno("opening the directory of " + path, errno);
  }
  struct stat found {};
  if (fstatat(directory.get(), name.c_str(), &found, 0) == 0) {
    if (S_ISDIR(found.st_mode)) return Fail(Code::kInvalid, path + " is a directory", EISDIR);
    if (!S_ISREG(found.st_mode)) {
      Fd stream(openat(directory.get(), name.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
      if (!stream) return FailErrno("opening " + path, errno);
      return OutputFile(path, std::move(directory), name, std::move(stream));
    }
  }
  if (faccessat(directory.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    return FailErrno(path + ": writing to the directory '" + parent + "'", errno);
  }
  return OutputFile(path, std::move(directory), name, Fd());
}

Result<> OutputFile::Write(std::string_view content) const {
  if (!directory_) return WriteWhole(STDOUT_FILENO, content, "standard output");
  if (stream_) return WriteWhole(stream_.get(), content, path_);
  const std::string temporary = TemporaryName();
  Fd file(openat(directory_.get(), temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                 kReadableByAll));
  if (!file) return FailErrno("writing " + path_, errno);
  auto written = WriteWhole(file.get(), content, path_);
  if (written && renameat(directory_.get(), temporary.c_str(), directory_.get(), name_.c_str()) != 0) {
    written = FailErrno("writing " + path_, errno);
  }
  if (!written) unlinkat(directory_.get(), temporary.c_str(), 0);
  return written;
}

Result<> WriteWhole(int fd, std::string_view content, const std::string& what) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("writing " + what, errno);
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::string> ReadWholeFile(const std::string& path, std::size_t limit_bytes) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) {
    if (errno == ENOENT) return Fail(Code::kNotFound, path + ": no such file", ENOENT);
    return FailErrno("opening " + path, errno);
  }
  std::string content;
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t n = read(file.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno("reading " + path, errno);
    if (n == 0) return content;
    content.append(buffer.data(), static_cast<std::size_t>(n));
    if (content.size() > limit_bytes) {
      return Fail(Code::kExhausted, path + " is larger than " + std::to_string(limit_bytes) + " bytes");
    }
  }
}

}  // namespace weir::cli
