// SPDX-License-Identifier: Apache-2.0
// While no job lives, the guard's programs in the kernel's busiest places rest; a job finds them attached and working.
// What there is to rest differs: a host that refuses programs on kernel functions has none, the kernels of the matrix
// all.
#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "tests/kernel/sensor/sensor_world.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

const std::string kBlock = "version: 1\nmode: block\nallow: none\n";

class RestTest : public SensorWorld {
 protected:
  void Start(std::chrono::milliseconds rest) {
    SensorConfig config = Config();
    config.guard_rest = rest;
    config.heartbeat = std::chrono::milliseconds(100);
    auto sensor = Sensor::Create(config, nullptr);
    ASSERT_TRUE(sensor) << sensor.error().what;
    sensor_ = std::move(*sensor);
  }
  std::set<std::string> Resting() const {
    std::set<std::string> names;
    for (const ProgramView& program : sensor_->Status().programs) {
      if (program.resting) names.insert(program.name);
    }
    return names;
  }
  bool IsPinned(const std::string& program) const { return fs::exists(Config().pin_directory / "links" / program); }
  /// Does the sensor have a program there at all?
  bool Has(const std::string& program) const {
    const auto programs = sensor_->Status().programs;
    return std::any_of(programs.begin(), programs.end(), [&](const ProgramView& one) { return one.name == program; });
  }
  /// A kernel before 5.13 attaches no program a second time.
  bool CanRest() const {
    utsname host{};
    int major = 0, minor = 0;
    if (uname(&host) != 0 || std::sscanf(host.release, "%d.%d", &major, &minor) != 2) return false;
    return Has("weir_g_open") && (major > 5 || (major == 5 && minor >= 13));
  }
  std::chrono::seconds Patience() const { return std::chrono::seconds(CanRest() ? 30 : 2); }
  bool RestWithin(std::chrono::seconds patience) const {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (Resting().empty()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
  }
};

// In the matrix, too: there is something to rest on each of its kernels but the first.
TEST_F(RestTest, AJobFindsThemAtWork) {
  Start(std::chrono::milliseconds(300));
  const bool in_matrix = std::getenv("WEIR_VM") != nullptr;
  for (const char* busy : {"weir_g_cgroup", "weir_g_open", "weir_g_kill", "weir_g_socket"})
    EXPECT_TRUE(!in_matrix || Has(busy)) << busy;
  ASSERT_EQ(RestWithin(Patience()), CanRest());
  EXPECT_TRUE(sensor_->Status().armed) << "resting is not missing";
  for (const std::string& program : Resting()) EXPECT_FALSE(IsPinned(program)) << program;

  const JobBegun begun = Begin(kBlock);
  EXPECT_TRUE(begun.armed);
  EXPECT_TRUE(Resting().empty());
  const std::string file = (Config().state_directory / "x").string();
  const int refused =
      RunIn(begun.job_id, [&] { return open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 ? errno : 0; });
  const int killed = -1;  // by the fallback, where nothing can be refused
  EXPECT_EQ(refused, Has("weir_g_open") ? EPERM : killed) << "the guard's word about the sensor's files";
  std::this_thread::sleep_for(std::chrono::milliseconds(800));
  EXPECT_TRUE(Resting().empty()) << "a job lives";
  ASSERT_TRUE(sensor_->EndJob(begun.job_id, 0));
  EXPECT_EQ(RestWithin(Patience()), CanRest());
}

TEST_F(RestTest, ASuccessorFindsThemGoneAndAttachesThem) {
  Start(std::chrono::milliseconds(100));
  ASSERT_EQ(RestWithin(Patience()), CanRest());
  sensor_.reset();
  Start(std::chrono::minutes(1));
  EXPECT_TRUE(Resting().empty());
  EXPECT_TRUE(sensor_->Status().armed);
}

}  // namespace
}  // namespace weir
