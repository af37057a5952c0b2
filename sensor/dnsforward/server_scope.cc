// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/server_scope.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <vector>

#include "bpf/abi.h"
#include "policy/compiled.h"

namespace weir::dns_forward {
namespace {

constexpr std::uint32_t kAllTcpStates = 0xfff;
constexpr std::size_t kReplyBytes = 32768;  // netlink dumps fill at most this (NLMSG_GOODSIZE, kernel/netlink)

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
  nlattr storages;
  nlattr map_fd;
  std::uint32_t fd;
};

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

Result<> Ask(int diag_fd, std::uint8_t family, const Wanted& wanted, int socks_map_fd) {
  Request request{};
  // Without a map the question ends before the attributes.
  request.header.nlmsg_len =
      static_cast<std::uint32_t>(socks_map_fd >= 0 ? sizeof(Request) : offsetof(Request, storages));
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = family;
  request.body.sdiag_protocol = IPPROTO_TCP;
  request.body.idiag_states = kAllTcpStates;
  request.body.id.idiag_dport = wanted.dest.port;
  if (wanted.source) request.body.id.idiag_sport = wanted.source->port;
  request.storages.nla_type = INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED;
  request.storages.nla_len = sizeof(nlattr) + sizeof(nlattr) + sizeof(std::uint32_t);
  request.map_fd.nla_type = SK_DIAG_BPF_STORAGE_REQ_MAP_FD;
  request.map_fd.nla_len = sizeof(nlattr) + sizeof(std::uint32_t);
  request.fd = static_cast<std::uint32_t>(socks_map_fd);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(diag_fd, &request, request.header.nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
             sizeof(kernel)) < 0) {
    return FailErrno("ask sock_diag about the other end of a connection", errno);
  }
  return {};
}

// Calls `visit(type, payload)` for each attribute; stops at one that does not fit.
template <typename Visit>
void ForEachAttribute(const char* at, std::size_t bytes, Visit&& visit) {
  while (bytes >= sizeof(nlattr)) {
    nlattr head;
    std::memcpy(&head, at, sizeof(head));
    if (head.nla_len < sizeof(nlattr) || head.nla_len > bytes) return;
    visit(head.nla_type & NLA_TYPE_MASK, at + sizeof(nlattr), head.nla_len - sizeof(nlattr));
    const std::size_t step = (head.nla_len + 3u) & ~3u;
    if (step >= bytes) return;
    at += step;
    bytes -= step;
  }
}

// All zero when the socket has no storage: no task of a scope has touched it.
weir_sock StorageOf(const char* attributes, std::size_t bytes) {
  weir_sock sock{};
  ForEachAttribute(attributes, bytes, [&](int type, const char* storages, std::size_t storages_bytes) {
    if (type != INET_DIAG_SK_BPF_STORAGES) return;
    ForEachAttribute(storages, storages_bytes, [&](int, const char* storage, std::size_t storage_bytes) {
      ForEachAttribute(storage, storage_bytes, [&](int field, const char* value, std::size_t value_bytes) {
        if (field != SK_DIAG_BPF_STORAGE_MAP_VALUE || value_bytes < sizeof(weir_sock)) return;
        std::memcpy(&sock, value, sizeof(sock));
      });
    });
  });
  return sock;
}

void Look(const char* message, std::size_t bytes, const Wanted& wanted, PeerSocket& found) {
  inet_diag_msg socket;
  if (bytes < sizeof(socket)) return;
  std::memcpy(&socket, message, sizeof(socket));
  const End dest{AddressOf(socket.idiag_family, socket.id.idiag_dst), socket.id.idiag_dport};
  const End source{AddressOf(socket.idiag_family, socket.id.idiag_src), socket.id.idiag_sport};
  if (dest != wanted.dest || (wanted.source && source != *wanted.source)) return;
  found.local = true;
  if (IsWhole(socket.idiag_state)) found.whole = true;
  const weir_sock sock = StorageOf(message + sizeof(socket), bytes - sizeof(socket));
  // Several cannot be, but if they were, one of a scope's decides.
  if (sock.scope_id == 0) return;
  found.scope_id = sock.scope_id;
  found.exec_id = sock.exec_id;
  found.tgid = sock.tgid;
}

Result<> Read(int diag_fd, const Wanted& wanted, PeerSocket& found) {
  std::vector<char> buffer(kReplyBytes);
  while (true) {
    const ssize_t got = recv(diag_fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return FailErrno("read sock_diag's answer", errno);
    std::size_t at = 0;
    const auto end = static_cast<std::size_t>(got);
    while (end - at >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof(header));
      if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > end - at) break;
      if (header.nlmsg_type == NLMSG_DONE) return {};
      if (header.nlmsg_type == NLMSG_ERROR) return Fail(Code::kUnsupported, "sock_diag refused the question");
      Look(buffer.data() + at + sizeof(header), header.nlmsg_len - sizeof(header), wanted, found);
      const std::size_t step = NLMSG_ALIGN(header.nlmsg_len);
      if (step >= end - at) break;
      at += step;
    }
  }
}

Result<PeerSocket> Find(int diag_fd, const Wanted& wanted, int socks_map_fd) {
  PeerSocket found;
  // Both families: an IPv6 socket serves, and connects to, IPv4 addresses too.
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    WEIR_TRY(Ask(diag_fd, family, wanted, socks_map_fd));
    WEIR_TRY(Read(diag_fd, wanted, found));
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
