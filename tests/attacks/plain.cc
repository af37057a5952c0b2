// SPDX-License-Identifier: Apache-2.0
// Straight at an address.
#include <arpa/inet.h>
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

}  // namespace weir::lab
