// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/server_scope.h"

#include <arpa/inet.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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
  friend bool operator==(const End&, const End&) = default;
};

/// Which socket is looked for: the one that is connected to `dest`, from `source` when that is known.
struct Wanted {
  End dest;
  std::optional<End> source;
};

// `ask` is getsockname or getpeername.
std::optional<End> EndOf(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof(storage);
  if (ask(fd, reinterpret_cast<sockaddr*>(&storage), &bytes)) return std::nullopt;
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

// Does the kernel keep a whole socket in this state? What SYN_RECV, FIN_WAIT2 and TIME_WAIT stand for has no storage,
// or may have none.
bool IsWhole(std::uint8_t state) {
  return state == TCP_ESTABLISHED || state == TCP_CLOSE_WAIT || state == TCP_FIN_WAIT1 || state == TCP_CLOSING ||
         state == TCP_LAST_ACK;
}

// All zero when the socket has no storage: no task of a scope has touched it.
weir_sock StorageOf(std::string_view attributes) {
  weir_sock sock{};
  ForEachAttribute(attributes, [&](int type, std::string_view storages) {
    if (type != INET_DIAG_SK_BPF_STORAGES) return;
    ForEachAttribute(storages, [&](int, std::string_view storage) {
      ForEachAttribute(storage, [&](int field, std::string_view value) {
        if (field != SK_DIAG_BPF_STORAGE_MAP_VALUE || value.size() < sizeof(weir_sock)) return;
        std::memcpy(&sock, value.data(), sizeof(sock));
      });
    });
  });
  return sock;
}

void Look(const inet_diag_msg& socket, std::string_view attributes, const Wanted& wanted, PeerSocket& found) {
  const End dest{AddressOf(socket.idiag_family, socket.id.idiag_dst), socket.id.idiag_dport};
  const End source{AddressOf(socket.idiag_family, socket.id.idiag_src), socket.id.idiag_sport};
  if (dest != wanted.dest || (wanted.source && source != *wanted.source)) return;
  found.local = true;
  if (IsWhole(socket.idiag_state)) found.whole = true;
  const weir_sock sock = StorageOf(attributes);
  // Several cannot be, but if they were, one of a scope's decides.
  if (sock.scope_id == 0) return;
  found.scope_id = sock.scope_id;
  found.exec_id = sock.exec_id;
  found.tgid = sock.tgid;
  found.step = sock.step;
}

Result<PeerSocket> Find(int diag_fd, const Wanted& wanted, int socks_map_fd) {
  PeerSocket found;
  // Both families: an IPv6 socket serves, and connects to, IPv4 addresses too.
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    DiagQuestion question{family, IPPROTO_TCP, wanted.dest.port, socks_map_fd};
    if (wanted.source) question.source_port = wanted.source->port;
    WEIR_TRY(DumpSockets(diag_fd, question, [&](const inet_diag_msg& socket, std::string_view attributes) {
      Look(socket, attributes, wanted, found);
    }));
    if (found.local) break;  // the kernel walks all its sockets for each question
  }
  return found;
}

}  // namespace

Result<PeerSocket> FindServer(int diag_fd, int connected_fd, int socks_map_fd) {
  const auto us = EndOf(connected_fd, getsockname);
  if (!us) return FailErrno("read a connection's own address", errno);
  // Its address may have been translated on the way to it: ours tells.
  return Find(diag_fd, {*us, std::nullopt}, socks_map_fd);
}

Result<PeerSocket> FindClient(int diag_fd, int accepted_fd, int socks_map_fd) {
  const auto us = EndOf(accepted_fd, getsockname);
  const auto them = us ? EndOf(accepted_fd, getpeername) : std::nullopt;
  if (!them) return FailErrno("read a connection's addresses", errno);
  return Find(diag_fd, {*us, them}, socks_map_fd);
}

}  // namespace weir::dns_forward
