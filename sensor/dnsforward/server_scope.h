// SPDX-License-Identifier: Apache-2.0
// Who really serves a resolver's address? A root job can stop the stub resolver and bind its address, or put a
// resolver's address on an interface of its own. The kernel's DNS program looks up the socket that owns the address;
// this is the same for a TCP connection, by sock_diag.
// It also tells who asks: the forwarder sees only a connection on loopback.
#pragma once

#include <cstdint>

#include "sensor/base/result.h"

namespace weir::dns_forward {

struct PeerSocket {
  bool local = false;  ///< the other end is a socket of this namespace
  /// It is a whole socket, whose storage tells its scope. Not so while a handshake is not over for it (a listener with
  /// TCP_DEFER_ACCEPT leaves it so until data comes), and when its process has closed it.
  bool whole = false;
  std::uint32_t scope_id = 0;  ///< in which it was made; 0: outside every scope, or not whole
  std::uint64_t exec_id = 0;   ///< of the process that made or connected it
  std::uint32_t tgid = 0;
  std::uint32_t step = 0;
};

/// Looks at the other end of a connected TCP socket. `diag_fd`: of OpenSockDiag (sensor/base/sock_diag.h) in the
/// socket's namespace. `socks_map_fd`: weir_socks (socket storage, struct weir_sock); -1: who made it stays unknown.
[[nodiscard]] Result<PeerSocket> FindServer(int diag_fd, int connected_fd, int socks_map_fd);

/// The same for an accepted one, from the listener's side: whose connection is it?
[[nodiscard]] Result<PeerSocket> FindClient(int diag_fd, int accepted_fd, int socks_map_fd);

}  // namespace weir::dns_forward
