// SPDX-License-Identifier: Apache-2.0
// Straight at an address, and ways around the address of a loopback or own destination.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/attacks/attack.h"

namespace weir::lab {

SocketName Name(const std::string& address, std::uint16_t port) {
  SocketName name;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&name.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&name.storage);
  const std::string bare = address.substr(0, address.find('%'));
  if (inet_pton(AF_INET, bare.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    name.length = sizeof(*v4);
  } else if (inet_pton(AF_INET6, bare.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    if (bare != address) v6->sin6_scope_id = if_nametoindex(address.c_str() + bare.size() + 1);
    name.length = sizeof(*v6);
  }
  return name;
}

// Does not wait for the handshake: the SYN is what would have left.
int TcpConnect(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK, 0));
  const int error = Errno(connect(fd.get(), to.get(), to.length));
  return error == EINPROGRESS ? 0 : error;
}

int UdpSendTo(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int UdpConnected(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
  if (connect(fd.get(), to.get(), to.length)) return errno;
  return Errno(send(fd.get(), aim.data.data(), aim.data.size(), 0));
}

namespace {

// A loopback destination is allowed because it stays here. These send it out by the interface, which needs no
// privilege.
int LoopbackByDevice(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  if (setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, "up0", 4)) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int LoopbackByPacketInfo(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  iovec data{const_cast<char*>(aim.data.data()), aim.data.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.get());
  message.msg_namelen = to.length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  const bool v6 = to.family() == AF_INET6;
  message.msg_controllen = CMSG_SPACE(v6 ? sizeof(in6_pktinfo) : sizeof(in_pktinfo));
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = v6 ? SOL_IPV6 : SOL_IP;
  header->cmsg_type = v6 ? IPV6_PKTINFO : IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(v6 ? sizeof(in6_pktinfo) : sizeof(in_pktinfo));
  if (v6) {
    in6_pktinfo info{};
    info.ipi6_ifindex = if_nametoindex("up0");
    std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  } else {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(if_nametoindex("up0"));
    std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  }
  return Errno(sendmsg(fd.get(), &message, 0));
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
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))] = {};
  iovec data{const_cast<char*>(aim.data.data()), aim.data.size()};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.get());
  message.msg_namelen = to.length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_IPV6;
  header->cmsg_type = IPV6_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in6_pktinfo));
  in6_pktinfo info{};
  info.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(from.get())->sin6_addr;
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  return Errno(sendmsg(fd.get(), &message, 0));
}

}  // namespace

std::vector<Attack> PlainAttacks() {
  return {
      {"TcpByAddress", TcpConnect, kEvil},
      {"TcpRightHostWrongPort", TcpConnect, kAllowedHost, 444},
      {"TcpIpv6Literal", TcpConnect, kEvil6},
      {"TcpMappedIpv4", TcpConnect, "::ffff:203.0.113.66"},
      {"TcpNat64", TcpConnect, "64:ff9b::cb00:7142", 443, 0, "", kEvil},
      {"TcpNat64OfAnotherPrefix", TcpConnect, "64:ff9b:1::cb00:7142"},
      {"TcpLinkLocal", TcpConnect, "169.254.7.7", 80},
      {"TcpLinkLocal6", TcpConnect, "fe80::1%up0", 80},
      {"UdpLinkLocal6", UdpSendTo, "fe80::1%up0", 9999},
      {"Multicast", UdpSendTo, "239.1.2.3", 5000},
      {"Multicast6", UdpSendTo, "ff02::42%up0", 5000},
      {"MulticastConnected6", UdpConnected, "ff0e::42%up0", 5000},
      {"Broadcast", UdpSendTo, "255.255.255.255", 5000},
      {"BroadcastConnected", UdpConnected, "255.255.255.255", 5000},
      {"BroadcastOfTheSubnet", UdpSendTo, "192.0.2.255", 5000},
      {"MetadataAws", TcpConnect, "169.254.169.254", 80},
      {"MetadataAws6", TcpConnect, "fd00:ec2::254", 80},
      {"MetadataAzure", TcpConnect, "168.63.129.16", 80},
      {"MetadataAlibaba", TcpConnect, "100.100.100.200", 80},
      {"MetadataMapped", TcpConnect, "::ffff:169.254.169.254", 80},
      {"Private10", TcpConnect, "10.1.2.3"},
      {"Private172", TcpConnect, "172.16.0.9"},
      {"Private192", TcpConnect, "192.168.7.7"},
      {"SharedSpace", TcpConnect, "100.64.0.1"},
      {"UniqueLocal6", TcpConnect, "fd12::1"},
      {"Reserved240", UdpSendTo, "240.1.2.3", 443},
  };
}

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
