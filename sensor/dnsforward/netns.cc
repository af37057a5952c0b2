// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/netns.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sensor/base/netns.h"

namespace weir::dns_forward {
namespace {

constexpr int kBacklog = 64;

bool IsV4(const policy::Address& address) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(std::begin(kMapped), std::end(kMapped), address.begin());
}

// Fills `storage` and returns its length.
socklen_t SocketAddress(const policy::Address& address, std::uint16_t port, sockaddr_storage& storage) {
  storage = {};
  if (IsV4(address)) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&v4.sin_addr, address.data() + 12, 4);
    std::memcpy(&storage, &v4, sizeof(v4));
    return sizeof(v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&v6.sin6_addr, address.data(), 16);
  std::memcpy(&storage, &v6, sizeof(v6));
  return sizeof(v6);
}

Result<Fd> Listen(const policy::Address& address) {
  sockaddr_storage storage;
  const socklen_t bytes = SocketAddress(address, 0, storage);
  Fd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("make a DNS forwarder's listener", errno);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), bytes)) {
    return FailErrno("bind a DNS forwarder's listener to loopback", errno);
  }
  if (listen(fd.get(), kBacklog)) return FailErrno("listen for DNS over TCP", errno);
  return fd;
}

// Port 0: the family is not there.
Listener ListenIn(int netns_fd, const policy::Address& address, Error& why) {
  Result<Fd> fd = MakeInNetns(netns_fd, [&] { return Listen(address); });
  if (!fd) {
    why = fd.error();
    return {};
  }
  sockaddr_storage bound{};
  socklen_t bytes = sizeof(bound);
  if (getsockname(fd->get(), reinterpret_cast<sockaddr*>(&bound), &bytes)) return {};
  // sin_port and sin6_port lie at the same place.
  sockaddr_in v4;
  std::memcpy(&v4, &bound, sizeof(v4));
  return {*std::move(fd), ntohs(v4.sin_port)};
}

}  // namespace

Result<Listeners> OpenListeners(int netns_fd) {
  static constexpr policy::Address kLoopback4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
  static constexpr policy::Address kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  Error why;
  Listeners listeners{ListenIn(netns_fd, kLoopback4, why), ListenIn(netns_fd, kLoopback6, why)};
  if (!listeners.v4.fd && !listeners.v6.fd) return tl::unexpected<Error>(std::move(why));
  return listeners;
}

Result<Fd> OpenUpstream(int netns_fd, const policy::Address& server, std::uint16_t port) {
  return MakeInNetns(netns_fd, [&]() -> Result<Fd> {
    sockaddr_storage storage;
    const socklen_t bytes = SocketAddress(server, port, storage);
    Fd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return FailErrno("make a socket to the resolver", errno);
    const int on = 1;
    setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), bytes) && errno != EINPROGRESS) {
      return FailErrno("connect to the resolver", errno);
    }
    return fd;
  });
}

}  // namespace weir::dns_forward
