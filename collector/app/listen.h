// SPDX-License-Identifier: Apache-2.0
// Addresses that the collector serves on.
#pragma once

#include <string>

#include "sensor/base/result.h"

namespace weir::collector {

struct ListenAddress {
  bool is_unix = false;
  std::string path;       ///< unix: absolute path
  std::string host_port;  ///< else: as gRPC takes it
  bool loopback = false;  ///< a unix socket, 127.0.0.0/8, ::1 or localhost
};

/// "unix:/absolute/path", "host:port" or "[v6]:port".
[[nodiscard]] Result<ListenAddress> ParseListen(const std::string& text);

/// Makes the socket's directory (mode 0750) where it does not exist, and removes a socket that nobody serves any more.
/// kExists when somebody does, or when the path is no socket.
[[nodiscard]] Result<> PrepareSocket(const std::string& path);

}  // namespace weir::collector
