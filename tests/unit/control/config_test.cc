// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "sensor/app/host.h"

namespace weir {
namespace {

using ::testing::HasSubstr;

TEST(SensorConfig, IsValidAsItComes) { EXPECT_TRUE(Validate(SensorConfig{})); }

TEST(SensorConfig, NamesEveryFaultAtOnce) {
  SensorConfig config;
  config.events_ring_bytes = 4097;
  config.denials_ring_bytes = 1;
  config.cgroup_root = "relative";
  config.jobs_cgroup = "../above";
  config.pin_directory = "relative";
  config.state_directory = "";
  config.sensor_name = "two words";
  config.heartbeat = std::chrono::seconds(5);
  config.flow_totals = std::chrono::milliseconds(0);
  config.max_jobs = 0;
  auto valid = Validate(config);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().code, Code::kInvalid);
  for (const char* fault : {"events ring", "denials ring", "cgroup root", "jobs cgroup", "pin directory",
                            "state directory", "sensor name", "heartbeat", "flow totals", "max jobs"}) {
    EXPECT_THAT(valid.error().what, HasSubstr(fault));
  }
}

TEST(SensorConfig, TakesTheNameOfAnyHost) {
  EXPECT_EQ(SensorNameOf("build-7.example.org"), "build-7.example.org");
  EXPECT_EQ(SensorNameOf("(none)"), "-none-") << "what the kernel says where nobody named the host";
  EXPECT_EQ(SensorNameOf(""), "localhost");
  SensorConfig config;
  for (int byte = 1; byte < 256; ++byte) {
    config.sensor_name = SensorNameOf(std::string(1, static_cast<char>(byte)));
    EXPECT_TRUE(Validate(config)) << byte;
  }
}

TEST(SensorConfig, TakesTheCgroupRootFromTheEnvironment) {
  const char* before = std::getenv("WEIR_CGROUP_ROOT");
  const std::string kept = before ? before : "";
  ::setenv("WEIR_CGROUP_ROOT", "/somewhere", 1);
  EXPECT_EQ(Resolve(SensorConfig{})->cgroup_root, "/somewhere");
  SensorConfig named;
  named.cgroup_root = "/elsewhere";
  EXPECT_EQ(Resolve(named)->cgroup_root, "/elsewhere") << "an option wins";
  if (before) {
    ::setenv("WEIR_CGROUP_ROOT", kept.c_str(), 1);
  } else {
    ::unsetenv("WEIR_CGROUP_ROOT");
  }
}

}  // namespace
}  // namespace weir
