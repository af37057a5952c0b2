// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>

#include <array>
#include <cstdio>
#include <cstring>

namespace weir::lab {
namespace {

constexpr std::size_t kMaxDatagram = 65536;
constexpr int kBacklog = 4096;
constexpr int kReceiveBuffer = 4 << 20;

sockaddr_storage Any(int family, std::uint16_t port) {
  sockaddr_storage storage{};
  storage.ss_family = static_cast<sa_family_t>(family);
  // sin_port and sin6_port lie at the same offset; both wildcards are zeros.
  reinterpret_cast<sockaddr_in*>(&storage)->sin_port = htons(port);
  return storage;
}

in6_addr Mapped(in_addr address) {
  in6_addr mapped{};
  mapped.s6_addr[10] = mapped.s6_addr[11] = 0xff;
  std::memcpy(&mapped.s6_addr[12], &address, sizeof(address));
  return mapped;
}

}  // namespace

Result<Fd> BindAny(int family, int type, std::uint16_t port) {
  Fd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("socket", errno);
  const int on = 1;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (family == AF_INET6) (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  // Answers leave from addresses that only a local route makes ours.
  (void)::setsockopt(fd.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
  if (family == AF_INET6) (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
  if (type == SOCK_DGRAM) {
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof(kReceiveBuffer));
    const int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    const int option = family == AF_INET6 ? IPV6_RECVPKTINFO : IP_PKTINFO;
    if (::setsockopt(fd.get(), level, option, &on, sizeof(on)) != 0) return FailErrno("PKTINFO", errno);
  }
  const sockaddr_storage address = Any(family, port);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), Length(address)) != 0) {
    return FailErrno("bind to port " + std::to_string(port), errno);
  }
  if (type == SOCK_STREAM && ::listen(fd.get(), kBacklog) != 0) return FailErrno("listen", errno);
  return fd;
}

std::optional<Datagram> Receive(int fd) {
  static thread_local std::array<std::uint8_t, kMaxDatagram> buffer;
  alignas(cmsghdr) std::array<char, 128> control{};
  Datagram datagram;
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = &datagram.peer;
  message.msg_namelen = sizeof(datagram.peer);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t received = ::recvmsg(fd, &message, 0);
  if (received < 0) return std::nullopt;
  datagram.data.assign(buffer.begin(), buffer.begin() + received);
  datagram.peer_length = message.msg_namelen;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof(info));
      datagram.local = Mapped(info.ipi_addr);
    } else if (header->cmsg_level == IPPROTO_IPV6 && header->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(header), sizeof(info));
      datagram.local = info.ipi6_addr;
    }
  }
  return datagram;
}

void Reply(int fd, const Datagram& datagram, std::span<const std::uint8_t> data) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
  iovec part{const_cast<std::uint8_t*>(data.data()), data.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr_storage*>(&datagram.peer);
  message.msg_namelen = datagram.peer_length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  const bool v6 = datagram.peer.ss_family == AF_INET6;
  message.msg_controllen = v6 ? CMSG_SPACE(sizeof(in6_pktinfo)) : CMSG_SPACE(sizeof(in_pktinfo));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
  header->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
  if (v6) {
    const in6_pktinfo info{datagram.local, 0};
    header->cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, &datagram.local.s6_addr[12], sizeof(info.ipi_spec_dst));
    header->cmsg_len = CMSG_LEN(sizeof(info));
    std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  }
  // A lost answer is the client's to notice, as on any network.
  (void)::sendmsg(fd, &message, 0);
}

std::string AddressText(const in6_addr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (IN6_IS_ADDR_V4MAPPED(&address)) {
    inet_ntop(AF_INET, &address.s6_addr[12], text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &address, text.data(), text.size());
  }
  return text.data();
}

std::string AddressText(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) return AddressText(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr);
  return AddressText(Mapped(reinterpret_cast<const sockaddr_in*>(&address)->sin_addr));
}

std::uint16_t Port(const sockaddr_storage& address) {
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

sockaddr_storage LocalAddress(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return address;
}

socklen_t Length(const sockaddr_storage& address) {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

Result<sockaddr_storage> MakeAddress(const std::string& host, std::uint16_t port) {
  sockaddr_storage storage = Any(AF_INET, port);
  if (inet_pton(AF_INET, host.c_str(), &reinterpret_cast<sockaddr_in*>(&storage)->sin_addr) == 1) return storage;
  storage = Any(AF_INET6, port);
  if (inet_pton(AF_INET6, host.c_str(), &reinterpret_cast<sockaddr_in6*>(&storage)->sin6_addr) == 1) return storage;
  return Fail(Code::kInvalid, "not an address: " + host);
}

std::string Escape(std::span<const std::uint8_t> bytes, std::size_t limit) {
  std::string text;
  for (const std::uint8_t byte : bytes.first(std::min(bytes.size(), limit))) {
    if (byte > 0x20 && byte < 0x7f && byte != '\\') {
      text += static_cast<char>(byte);
    } else {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      text += escaped.data();
    }
  }
  return text;
}

Result<LineLog> LineLog::Open(const std::string& path) {
  if (path.empty()) return LineLog(Fd(::dup(STDOUT_FILENO)));
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!fd) return FailErrno("open " + path, errno);
  return LineLog(std::move(fd));
}

void LineLog::Write(std::string line) const {
  line += '\n';
  if (::write(fd_.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    // The log is the oracle: without it a test would pass for want of evidence.
    std::perror("lab: cannot write the log");
    std::_Exit(1);
  }
}

Result<> TellReady(const std::string& path) {
  if (path.empty()) return {};
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) return FailErrno("create " + path, errno);
  return {};
}

}  // namespace weir::lab
