// SPDX-License-Identifier: Apache-2.0
// What a daemon says to the service manager that started it: sd_notify(3) without the library. Where no manager waits,
// nothing is said and nothing fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "sensor/base/result.h"

namespace weir {

/// Any thread.
class ServiceManager {
 public:
  /// From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which it takes out of the environment: what this process
  /// starts is none of the manager's business. Call before any thread is made.
  [[nodiscard]] static ServiceManager FromEnvironment();

  /// One datagram of `NAME=value` lines, such as "READY=1". `fd`: one that the manager is to keep (FDSTORE=1); -1:
  /// none.
  [[nodiscard]] Result<> Tell(std::string_view state, int fd = -1) const;

  /// Within which the manager wants to hear "WATCHDOG=1"; nullopt: it does not.
  [[nodiscard]] std::optional<std::chrono::milliseconds> watchdog() const { return watchdog_; }

 private:
  std::string socket_;  ///< a path, or "@" and an abstract name; empty: none
  std::optional<std::chrono::milliseconds> watchdog_;
};

}  // namespace weir
