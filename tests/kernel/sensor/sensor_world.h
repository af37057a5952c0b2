// SPDX-License-Identifier: Apache-2.0
// A sensor of the test's own: private cgroup root, pin directory, state directory and resolv.conf.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "sensor/app/sensor.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/child.h"
#include "tests/kernel/lab/pin_dir.h"

namespace weir {

/// UDP connect(); sends nothing. Returns errno, 0 when it succeeded. For use in children.
int ConnectUdp(const char* address, std::uint16_t port);
/// The same with a socket that exists.
int ConnectFd(int fd, const char* address, std::uint16_t port);

/// Was the connect refused by a verdict? Without a route an allowed one fails otherwise.
inline bool Refused(int sys_errno) { return sys_errno == 1; }

class SensorWorld : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] SensorConfig Config() const;
  void StartSensor();

  /// Begins a job with this policy text; fails the test when that does.
  JobBegun Begin(const std::string& policy_text, const std::string& name = "job");
  /// Forks `body`, joins it to the job, lets it run, and returns its exit status.
  int RunIn(const std::string& job_id, const std::function<int()>& body);

  /// Directories of jobs below the cgroup root.
  [[nodiscard]] std::size_t JobCgroups() const;

  std::optional<lab::TempCgroup> cgroup_;
  std::optional<lab::PinDir> pins_;
  std::filesystem::path state_;
  std::unique_ptr<Sensor> sensor_;
};

}  // namespace weir
