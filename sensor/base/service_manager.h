// SPDX-License-Identifier: Apache-2.0
// What a daemon says to the service manager that started it: sd_notify(3) without the library. Where no manager waits,
// nothing is said and nothing fails.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir {

/// A descriptor that the manager kept for us, by the name that we gave it.
struct KeptFd {
  std::string name;
  Fd fd;
};

/// Any thread, but for TakeKept().
class ServiceManager {
 public:
  /// From NOTIFY_SOCKET, WATCHDOG_* and LISTEN_*, which it takes out of the environment: what this process
  /// starts is none of the manager's business. Call before any thread is made.
  [[nodiscard]] static ServiceManager FromEnvironment();

  /// One datagram of `NAME=value` lines, such as "READY=1". `fd`: one that the manager is to keep (FDSTORE=1); -1:
  /// none.
  [[nodiscard]] Result<> Tell(std::string_view state, int fd = -1) const;

  /// Gives it a descriptor to keep until the service is stopped for good: it comes back when the service is restarted.
  /// `name`: printable, without ':'.
  [[nodiscard]] Result<> Keep(const std::string& name, int fd) const;
  /// Has it close everything of that name.
  [[nodiscard]] Result<> Forget(const std::string& name) const;
  /// What it kept. The manager goes on to keep it, too, until it is told to forget it.
  [[nodiscard]] std::vector<KeptFd> TakeKept() { return std::move(kept_); }

  /// Within which the manager wants to hear "WATCHDOG=1"; nullopt: it does not.
  [[nodiscard]] std::optional<std::chrono::milliseconds> watchdog() const { return watchdog_; }

 private:
  std::string socket_;  ///< a path, or "@" and an abstract name; empty: none
  std::optional<std::chrono::milliseconds> watchdog_;
  std::vector<KeptFd> kept_;
};

}  // namespace weir
