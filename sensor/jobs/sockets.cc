// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/sockets.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sensor/base/fd.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71  // include/uapi/asm-generic/socket.h, since Linux 5.14
#endif

namespace weir::jobs {
namespace {

struct OpenSocket {
  int number = -1;
  std::string link;  ///< "socket:[inode]"
};

std::vector<OpenSocket> SocketsOf(const std::string& process) {
  std::vector<OpenSocket> sockets;
  const std::string directory = "/proc/" + process + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  if (!stream) return sockets;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    int number = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), number).ec != std::errc()) continue;
    char target[64];
    const ssize_t length = ::readlinkat(::dirfd(stream.get()), entry->d_name, target, sizeof(target));
    if (length >= 8 && std::memcmp(target, "socket:[", 8) == 0) {
      sockets.push_back({number, std::string(target, static_cast<std::size_t>(length))});
    }
  }
  return sockets;
}

/// Whether the process loses this descriptor at its next execve. What cannot be told counts as kept.
bool IsClosedOnExec(pid_t pid, int number) {
  std::ifstream info("/proc/" + std::to_string(pid) + "/fdinfo/" + std::to_string(number));
  for (std::string word; info >> word;) {
    unsigned long flags = 0;  // octal, fs/proc/fd.c
    if (word == "flags:" && info >> std::oct >> flags) return (flags & O_CLOEXEC) != 0;
  }
  return false;
}

bool IsInternet(int fd) {
  int domain = 0;
  socklen_t length = sizeof(domain);
  return ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && (domain == AF_INET || domain == AF_INET6);
}

// 0 where the kernel does not tell: answers on such a socket teach nothing.
std::uint64_t NetnsCookie(int fd) {
  std::uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  return ::getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

/// Calls visit(copy, number, link) with a copy of each internet socket of the process.
template <typename Visit>
Result<> ForEachSocket(pid_t pid, const Visit& visit) {
  const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) return FailErrno("cannot open process " + std::to_string(pid), errno);
  for (const auto& [number, link] : SocketsOf(std::to_string(pid))) {
    const Fd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), number, 0)));
    if (!copy) {
      if (errno == EBADF || errno == ESRCH) continue;  // closed, or the process is gone
      if (errno == ENOSYS) return Fail(Code::kUnsupported, "the kernel has no pidfd_getfd(2) (Linux 5.6)", ENOSYS);
      return FailErrno("cannot look at the sockets of process " + std::to_string(pid), errno);
    }
    if (IsInternet(copy.get())) WEIR_TRY(visit(copy.get(), number, link));
  }
  return {};
}

}  // namespace

Result<std::uint32_t> AdoptSockets(const sensor_bpf::PolicyMaps& maps, pid_t pid, const weir_task& task) {
  std::set<std::string> ours;
  for (OpenSocket& socket : SocketsOf("self")) ours.insert(std::move(socket.link));
  std::uint32_t adopted = 0;
  const auto seen = ForEachSocket(pid, [&](int socket, int number, const std::string& link) -> Result<> {
    if (ours.contains(link) && IsClosedOnExec(pid, number)) return {};
    auto taken = maps.AdoptSocket(socket, task.scope_id, task, static_cast<std::uint32_t>(pid), NetnsCookie(socket));
    WEIR_TRY(taken);
    if (*taken) ++adopted;
    return {};
  });
  WEIR_TRY(seen);
  return adopted;
}

void ReleaseSockets(const sensor_bpf::PolicyMaps& maps, pid_t pid, std::uint32_t scope_id) {
  static_cast<void>(ForEachSocket(pid, [&](int socket, int, const std::string&) -> Result<> {
    static_cast<void>(maps.ReleaseSocket(socket, scope_id));
    return {};
  }));
}

}  // namespace weir::jobs
