// SPDX-License-Identifier: Apache-2.0
// The forwarder's sockets, in the network namespace of the job that it serves.
#pragma once

#include <cstdint>

#include "policy/compiled.h"
#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::dns_forward {

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

}  // namespace weir::dns_forward
