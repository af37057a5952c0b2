// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/sock_diag.h"

#include <linux/sock_diag.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <vector>

#include "sensor/base/netns.h"

namespace weir {
namespace {

constexpr std::uint32_t kAllStates = 0xfff;
constexpr std::size_t kReplyBytes = 32768;  // netlink dumps fill at most this (NLMSG_GOODSIZE, kernel/netlink)

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
  nlattr storages;
  nlattr map_fd;
  std::uint32_t fd;
};

Result<> Send(int diag_fd, const Request& request, const char* doing) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (sendto(diag_fd, &request, request.header.nlmsg_len, 0, reinterpret_cast<const sockaddr*>(&kernel),
             sizeof(kernel)) < 0) {
    return FailErrno(doing, errno);
  }
  return {};
}

/// The errno that an error or the end of a dump begins with; 0: none.
int ErrorOf(std::string_view payload) {
  int negative = 0;
  if (payload.size() < sizeof(negative)) return EBADMSG;
  std::memcpy(&negative, payload.data(), sizeof(negative));
  return -negative;
}

/// Reads messages until `visit(type, payload)` returns true.
template <typename Visit>
Result<> Receive(int diag_fd, Visit&& visit) {
  std::vector<char> buffer(kReplyBytes);
  while (true) {
    const ssize_t got = recv(diag_fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return FailErrno("read sock_diag's answer", errno);
    std::string_view rest(buffer.data(), static_cast<std::size_t>(got));
    while (rest.size() >= sizeof(nlmsghdr)) {
      nlmsghdr header;
      std::memcpy(&header, rest.data(), sizeof(header));
      if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > rest.size()) break;
      if (visit(header.nlmsg_type, rest.substr(sizeof(header), header.nlmsg_len - sizeof(header)))) return {};
      const std::size_t step = NLMSG_ALIGN(header.nlmsg_len);
      if (step >= rest.size()) break;
      rest.remove_prefix(step);
    }
  }
}

}  // namespace

Result<Fd> OpenSockDiag(int netns_fd) {
  return MakeInNetns(netns_fd, []() -> Result<Fd> {
    Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd) return FailErrno("make a sock_diag socket", errno);
    // The kernel answers at once; a bound all the same, because threads that serve others wait for it.
    const timeval second{1, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    return fd;
  });
}

Result<> DumpSockets(int diag_fd, const DiagQuestion& question, const DiagVisitor& visit) {
  Request request{};
  // Without a map the question ends before the attributes.
  request.header.nlmsg_len =
      static_cast<std::uint32_t>(question.storage_map_fd >= 0 ? sizeof(Request) : offsetof(Request, storages));
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = question.family;
  request.body.sdiag_protocol = question.protocol;
  request.body.idiag_states = kAllStates;
  request.body.id.idiag_dport = question.dest_port;
  request.storages.nla_type = INET_DIAG_REQ_SK_BPF_STORAGES | NLA_F_NESTED;
  request.storages.nla_len = sizeof(nlattr) + sizeof(nlattr) + sizeof(std::uint32_t);
  request.map_fd.nla_type = SK_DIAG_BPF_STORAGE_REQ_MAP_FD;
  request.map_fd.nla_len = sizeof(nlattr) + sizeof(std::uint32_t);
  request.fd = static_cast<std::uint32_t>(question.storage_map_fd);
  WEIR_TRY(Send(diag_fd, request, "ask sock_diag for sockets"));
  int failed = 0;
  WEIR_TRY(Receive(diag_fd, [&](std::uint16_t type, std::string_view payload) {
    if (type == NLMSG_ERROR || type == NLMSG_DONE) {
      failed = ErrorOf(payload);
      return true;
    }
    inet_diag_msg socket;
    if (payload.size() < sizeof(socket)) return false;
    std::memcpy(&socket, payload.data(), sizeof(socket));
    visit(socket, payload.substr(sizeof(socket)));
    return false;
  }));
  if (failed == ENOENT) return Fail(Code::kUnsupported, "sock_diag does not tell of this protocol", failed);
  if (failed != 0) return FailErrno("sock_diag refused the question", failed);
  return {};
}

Result<bool> AbortSocket(int diag_fd, std::uint8_t protocol, const inet_diag_msg& socket) {
  Request request{};
  request.header.nlmsg_len = offsetof(Request, storages);
  request.header.nlmsg_type = SOCK_DESTROY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.body.sdiag_family = socket.idiag_family;
  request.body.sdiag_protocol = protocol;
  request.body.idiag_states = kAllStates;
  request.body.id = socket.id;
  WEIR_TRY(Send(diag_fd, request, "ask sock_diag to abort a socket"));
  int failed = 0;
  WEIR_TRY(Receive(diag_fd, [&](std::uint16_t type, std::string_view payload) {
    if (type != NLMSG_ERROR) return false;
    failed = ErrorOf(payload);
    return true;
  }));
  if (failed == 0) return true;
  if (failed == ENOENT) return false;
  if (failed == EOPNOTSUPP) {
    return Fail(Code::kUnsupported, "this kernel cannot abort sockets (CONFIG_INET_DIAG_DESTROY)", failed);
  }
  return FailErrno("abort a socket", failed);
}

}  // namespace weir
