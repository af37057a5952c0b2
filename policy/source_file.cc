// SPDX-License-Identifier: Apache-2.0
// Reading one file that may be anything.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "policy/policy.h"
#include "policy/source.h"
#include "sensor/base/fd.h"

namespace weir::policy {

std::string TooLarge() { return "larger than " + std::to_string(kMaxPolicyBytes >> 20) + " MiB"; }

// O_NONBLOCK: a FIFO in the repository must not hang the check; anything but a regular file is refused.
Result<std::string> ReadRegularFile(const std::filesystem::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return FailErrno("cannot be read", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return FailErrno("cannot be read", errno);
  if (!S_ISREG(status.st_mode)) return Fail(Code::kInvalid, "not a regular file");
  if (status.st_size > static_cast<off_t>(kMaxPolicyBytes)) return Fail(Code::kExhausted, TooLarge());
  std::string text(kMaxPolicyBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno("cannot be read", errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxPolicyBytes) return Fail(Code::kExhausted, TooLarge());
  text.resize(size);
  return text;
}

}  // namespace weir::policy
