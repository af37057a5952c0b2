// SPDX-License-Identifier: Apache-2.0
// The sockets of a network namespace, as sock_diag(7) tells of them and ends them.
#pragma once

#include <linux/inet_diag.h>
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir {

/// NETLINK_SOCK_DIAG socket of the namespace; -1: of the caller's own. Reads on it give up after a second.
[[nodiscard]] Result<Fd> OpenSockDiag(int netns_fd);

struct DiagQuestion {
  std::uint8_t family = 0;      ///< AF_INET or AF_INET6
  std::uint8_t protocol = 0;    ///< IPPROTO_*
  std::uint16_t dest_port = 0;  ///< network order; 0: any
  int storage_map_fd = -1;      ///< a map of socket storage whose values are wanted as attributes; -1: none
};

/// `attributes`: what follows the message, for ForEachAttribute.
using DiagVisitor = std::function<void(const inet_diag_msg& socket, std::string_view attributes)>;

/// Visits every socket in whichever state. kUnsupported: this kernel does not tell of the protocol.
[[nodiscard]] Result<> DumpSockets(int diag_fd, const DiagQuestion& question, const DiagVisitor& visit);

/// Aborts a socket that a dump told of: what it has queued is thrown away, and who has it open gets ECONNABORTED.
/// False: it is not there any more. kUnsupported: the kernel cannot (CONFIG_INET_DIAG_DESTROY, or the protocol).
[[nodiscard]] Result<bool> AbortSocket(int diag_fd, std::uint8_t protocol, const inet_diag_msg& socket);

/// The socket's cookie as programs and SO_COOKIE know it.
[[nodiscard]] inline std::uint64_t CookieOf(const inet_diag_msg& socket) {
  return static_cast<std::uint64_t>(socket.id.idiag_cookie[1]) << 32 | socket.id.idiag_cookie[0];
}

/// Calls `visit(type, payload)` for each netlink attribute; stops at one that does not fit.
template <typename Visit>
void ForEachAttribute(std::string_view bytes, Visit&& visit) {
  while (bytes.size() >= sizeof(nlattr)) {
    nlattr head;
    std::memcpy(&head, bytes.data(), sizeof(head));
    if (head.nla_len < sizeof(nlattr) || head.nla_len > bytes.size()) return;
    visit(head.nla_type & NLA_TYPE_MASK, bytes.substr(sizeof(nlattr), head.nla_len - sizeof(nlattr)));
    const std::size_t step = NLA_ALIGN(head.nla_len);
    if (step >= bytes.size()) return;
    bytes.remove_prefix(step);
  }
}

}  // namespace weir
