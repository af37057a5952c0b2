// SPDX-License-Identifier: Apache-2.0
#include "collector/app/listen.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "sensor/base/fd.h"

namespace weir::collector {
namespace {

constexpr std::string_view kUnix = "unix:";

bool IsPort(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port > 0 && port <= 65535;
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

Result<ListenAddress> ParseUnix(const std::string& text) {
  ListenAddress address{true, text.substr(kUnix.size()), "", true};
  if (address.path.empty() || address.path.front() != '/') {
    return Fail(Code::kInvalid,
                "--listen " + text + ": a unix socket needs an absolute path, as in unix:/run/weir/collector.sock");
  }
  if (address.path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Fail(Code::kInvalid, "--listen " + text + ": the path is longer than a unix socket's may be (" +
                                    std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes)");
  }
  return address;
}

/// True: somebody accepts connections there.
bool IsServed(const std::string& path) {
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  // A full backlog (EAGAIN) is somebody too; only a refusal shows that the owner is gone.
  return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
         errno != ECONNREFUSED;
}

}  // namespace

Result<ListenAddress> ParseListen(const std::string& text) {
  if (text.starts_with(kUnix)) return ParseUnix(text);
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || !IsPort(std::string_view(text).substr(colon + 1))) {
    return Fail(Code::kInvalid,
                "--listen " + text + ": is neither unix:/path nor host:port with a port from 1 to 65535");
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty()) return Fail(Code::kInvalid, "--listen " + text + ": names no host; write 127.0.0.1 or [::1]");
  return ListenAddress{false, "", text, IsLoopback(host)};
}

Result<> PrepareSocket(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path directory = fs::path(path).parent_path();
  if (fs::create_directories(directory, error)) fs::permissions(directory, fs::perms(0750), error);
  if (error) return FailErrno("cannot make the socket's directory " + directory.string(), error.value());
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? Result<>() : FailErrno("cannot look at " + path, errno);
  }
  if (!S_ISSOCK(found.st_mode))
    return Fail(Code::kExists, path + ": exists and is no socket; remove it or name another");
  if (IsServed(path)) return Fail(Code::kExists, path + ": another process serves this socket");
  if (::unlink(path.c_str()) != 0) return FailErrno("cannot remove the stale socket " + path, errno);
  return {};
}

}  // namespace weir::collector
