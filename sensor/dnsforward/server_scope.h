// SPDX-License-Identifier: Apache-2.0
// Who really serves a resolver's address? A root job can stop the stub resolver and bind its address, or put a
// resolver's address on an interface of its own. The kernel's DNS program looks up the socket that owns the address;
// this is the same for a TCP connection, by sock_diag.
#pragma once

#include <cstdint>

#include "sensor/base/result.h"

namespace weir::dns_forward {

struct ServerSocket {
  bool local = false;          ///< the other end is a socket of this namespace
  std::uint32_t scope_id = 0;  ///< in which it was made; 0: outside every scope
};

/// Looks at the other end of a connected TCP socket. `diag_fd`: of OpenSockDiag (sensor/base/sock_diag.h) in the
/// socket's namespace. `socks_map_fd`: weir_socks (socket storage, struct weir_sock).
[[nodiscard]] Result<ServerSocket> FindServer(int diag_fd, int connected_fd, int socks_map_fd);

}  // namespace weir::dns_forward
