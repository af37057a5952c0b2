// SPDX-License-Identifier: Apache-2.0
// While jobs run, `systemctl stop` and `restart` of the sensor's unit are refused.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "sensor/base/result.h"

namespace weir {

/// A drop-in with RefuseManualStop=yes in systemd's runtime directory, made and taken away as jobs come and go. It is a
/// hand on the operator's arm, not a lock: a stop that comes before it is there, or by force (a unit that conflicts
/// with the sensor's), leaves the jobs judged all the same. It outlives a sensor that is killed, as the jobs do.
class StopRefusal {
 public:
  /// `unit`: as in "weir-sensor.service"; empty: no unit, nothing is done. `directory` and `reload` differ in tests.
  explicit StopRefusal(std::string unit, std::filesystem::path directory = "/run/systemd/system",
                       std::string reload = "systemctl");
  ~StopRefusal();
  StopRefusal(const StopRefusal&) = delete;
  StopRefusal& operator=(const StopRefusal&) = delete;

  /// Cheap when nothing changed; does not wait for systemd. Call it about once a second: one thread. An error: stops
  /// are not refused (or still are); the next call tries again.
  [[nodiscard]] Result<> Update(bool jobs_run);

  [[nodiscard]] std::filesystem::path drop_in() const;

 private:
  [[nodiscard]] Result<> Write(bool refuse) const;
  [[nodiscard]] Result<> StartReload();
  [[nodiscard]] Result<> EndReload(bool wait);

  std::string unit_;
  std::filesystem::path directory_;
  std::string reload_program_;
  bool stale_ = false;   ///< systemd has not read the drop-in as it is now
  pid_t reloading_ = 0;  ///< `systemctl daemon-reload`; 0: none runs
};

}  // namespace weir
