// SPDX-License-Identifier: Apache-2.0
// Sockets of another network namespace. A thread belongs to one namespace, so each is made by a thread of its own that
// ends at once: the caller never leaves its namespace.
#pragma once

#include <cstdint>
#include <functional>

#include "policy/compiled.h"
#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::dns_forward {

/// Runs `make` in the namespace. netns_fd -1: in the caller's own, on the caller's thread.
[[nodiscard]] Result<Fd> MakeInNetns(int netns_fd, const std::function<Result<Fd>()>& make);

struct Listener {
  Fd fd;
  std::uint16_t port = 0;  ///< host order
};

struct Listeners {
  Listener v4;  ///< 127.0.0.1
  Listener v6;  ///< ::1
};

/// Non-blocking listeners on free ports. A family that the namespace lacks is left out; both missing is an error.
[[nodiscard]] Result<Listeners> OpenListeners(int netns_fd);

/// Non-blocking TCP socket with a connect to `server` under way.
[[nodiscard]] Result<Fd> OpenUpstream(int netns_fd, const policy::Address& server, std::uint16_t port);

/// NETLINK_SOCK_DIAG socket of the namespace.
[[nodiscard]] Result<Fd> OpenSockDiag(int netns_fd);

}  // namespace weir::dns_forward
