// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/server_scope.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "bpf/abi.h"
#include "policy/compiled.h"
#include "sensor/base/sock_diag.h"

namespace weir::dns_forward {
namespace {

struct End {
  policy::Address address{};
  in_port_t port = 0;  // network order
};

std::optional<End> LocalEnd(int fd) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof(storage);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &bytes)) return std::nullopt;
  End end;
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof(v4));
    end.address[10] = end.address[11] = 0xff;
    std::memcpy(end.address.data() + 12, &v4.sin_addr, 4);
    end.port = v4.sin_port;
  } else {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof(v6));
    std::memcpy(end.address.data(), &v6.sin6_addr, 16);
    end.port = v6.sin6_port;
  }
  return end;
}

policy::Address AddressOf(std::uint8_t family, const __be32 (&words)[4]) {
  policy::Address address{};
  if (family == AF_INET) {
    address[10] = address[11] = 0xff;
    std::memcpy(address.data() + 12, words, 4);
  } else {
    std::memcpy(address.data(), words, 16);
  }
  return address;
}

// 0 when the socket has no storage: no task of a scope has touched it.
std::uint32_t ScopeOf(std::string_view attributes) {
  std::uint32_t scope_id = 0;
  ForEachAttribute(attributes, [&](int type, std::string_view storages) {
    if (type != INET_DIAG_SK_BPF_STORAGES) return;
    ForEachAttribute(storages, [&](int, std::string_view storage) {
      ForEachAttribute(storage, [&](int field, std::string_view value) {
        if (field != SK_DIAG_BPF_STORAGE_MAP_VALUE || value.size() < sizeof(weir_sock)) return;
        weir_sock sock;
        std::memcpy(&sock, value.data(), sizeof(sock));
        scope_id = sock.scope_id;
      });
    });
  });
  return scope_id;
}

}  // namespace

Result<ServerSocket> FindServer(int diag_fd, int connected_fd, int socks_map_fd) {
  const auto us = LocalEnd(connected_fd);
  if (!us) return FailErrno("read a connection's own address", errno);
  ServerSocket found;
  // Both families: an IPv6 socket serves IPv4 addresses too.
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    const DiagQuestion question{family, IPPROTO_TCP, us->port, socks_map_fd};
    WEIR_TRY(DumpSockets(diag_fd, question, [&](const inet_diag_msg& socket, std::string_view attributes) {
      if (socket.id.idiag_dport != us->port) return;
      if (AddressOf(socket.idiag_family, socket.id.idiag_dst) != us->address) return;
      // Several cannot be, but if they were, one of a scope's decides.
      found.local = true;
      const std::uint32_t scope_id = ScopeOf(attributes);
      if (scope_id) found.scope_id = scope_id;
    }));
  }
  return found;
}

}  // namespace weir::dns_forward
