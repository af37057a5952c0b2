// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>

#include <cstdint>

namespace weir::dns_forward {

/// The process at the other end of a client's connection. All zero: not known.
struct Asker {
  std::uint64_t exec_id = 0;
  std::uint32_t pid = 0;
  std::uint32_t step = 0;  ///< of a workflow; 0: none
  friend bool operator==(const Asker&, const Asker&) = default;
};

/// What the programs know about sockets; map fds, not owned. -1: nothing.
struct SocketMaps {
  int socks_fd = -1;  ///< weir_socks
  int gone_fd = -1;   ///< weir_fwd_gone
};

/// Who made the connection that a forwarder's listener has accepted from `peer`? (Once it is reset, the socket no
/// longer tells its peer.) `netns_fd` -1: in the sensor's own namespace. Asks the kernel about all its sockets:
/// milliseconds on a busy host.
[[nodiscard]] Asker FindAsker(int netns_fd, int accepted_fd, const sockaddr_storage& peer, std::uint32_t scope_id,
                              const SocketMaps& maps);

}  // namespace weir::dns_forward
