// SPDX-License-Identifier: Apache-2.0
// Where the parts of Weir are, as flags and environment say.
#pragma once

#include <string>

#include "sensor/base/result.h"

namespace weir::cli {

struct Places {
  std::string cgroup_root;  ///< empty: the cgroup2 mount
  std::string pin_dir;
  std::string state_dir;
  std::string sensor_socket;
  std::string collector_socket;
  /// Which sensor: a running one if it answers, else one in this process; or only the one or the other.
  enum class Which { kAny, kRunning, kEmbedded } sensor = Which::kAny;
  /// Which collector, likewise.
  Which collector = Which::kAny;

  /// WEIR_CGROUP_ROOT, WEIR_PIN_DIR, WEIR_STATE_DIR, WEIR_SENSOR_SOCKET, WEIR_COLLECTOR_SOCKET over the defaults.
  [[nodiscard]] static Places FromEnvironment();

  [[nodiscard]] std::string database() const { return state_dir + "/collector.db"; }
  [[nodiscard]] std::string sensor_state() const { return state_dir + "/sensor"; }
};

/// Whether something listens on a unix socket. kUnavailable: nothing does; kPrivilege: this user may not connect.
[[nodiscard]] Result<> ProbeSocket(const std::string& path);

}  // namespace weir::cli
