// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "sensor/base/fd.h"

namespace weir {
namespace {

std::string TakeVariable(const char* name) {
  const char* value = std::getenv(name);
  std::string taken = value ? value : "";
  ::unsetenv(name);
  return taken;
}

std::optional<std::uint64_t> Number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  return fault == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

constexpr int kFirstKept = 3;  // SD_LISTEN_FDS_START, sd_listen_fds(3)
constexpr std::uint64_t kMostKept = 4096;

std::vector<KeptFd> KeptInEnvironment() {
  const auto count = Number(TakeVariable("LISTEN_FDS"));
  const auto whose = Number(TakeVariable("LISTEN_PID"));
  std::string names = TakeVariable("LISTEN_FDNAMES");
  std::vector<KeptFd> kept;
  if (!count || *count > kMostKept || whose != static_cast<std::uint64_t>(::getpid())) return kept;
  for (int fd = kFirstKept; fd < kFirstKept + static_cast<int>(*count); ++fd) {
    const std::size_t end = std::min(names.find(':'), names.size());
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    kept.push_back({names.substr(0, end), Fd(fd)});
    names.erase(0, end + 1);
  }
  return kept;
}

}  // namespace

ServiceManager ServiceManager::FromEnvironment() {
  ServiceManager manager;
  manager.socket_ = TakeVariable("NOTIFY_SOCKET");
  const auto period_us = Number(TakeVariable("WATCHDOG_USEC"));
  const std::string whose = TakeVariable("WATCHDOG_PID");
  const bool ours = whose.empty() || Number(whose) == static_cast<std::uint64_t>(::getpid());
  if (period_us && *period_us > 0 && ours)
    manager.watchdog_ = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::microseconds(*period_us));
  manager.kept_ = KeptInEnvironment();
  return manager;
}

// FDPOLL=0: systemd would close at once what polls as broken, as every map does.
Result<> ServiceManager::Keep(const std::string& name, int fd) const {
  return Tell("FDSTORE=1\nFDPOLL=0\nFDNAME=" + name, fd);
}

Result<> ServiceManager::Forget(const std::string& name) const { return Tell("FDSTOREREMOVE=1\nFDNAME=" + name); }

Result<> ServiceManager::Tell(std::string_view state, int fd) const {
  if (socket_.empty()) return {};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if ((socket_[0] != '/' && socket_[0] != '@') || socket_.size() >= sizeof(address.sun_path))
    return Fail(Code::kInvalid, "NOTIFY_SOCKET names no unix socket: " + socket_);
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const Fd from(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!from) return FailErrno("socket", errno);
  iovec text{const_cast<char*>(state.data()), state.size()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  message.msg_iov = &text;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  if (::sendmsg(from.get(), &message, MSG_NOSIGNAL) < 0)
    return FailErrno("cannot tell the service manager " + std::string(state), errno);
  return {};
}

}  // namespace weir
