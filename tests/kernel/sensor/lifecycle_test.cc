// SPDX-License-Identifier: Apache-2.0
// The edges of a job's life: ends that go wrong, sensors that die between two steps, files that lie.
#include <bpf/bpf.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "bpf/abi.h"
#include "sensor/app/sensor.h"
#include "sensor/base/fd.h"
#include "tests/kernel/sensor/sensor_world.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

const std::string kBlock = "version: 1\nmode: block\nallow: [\"198.51.100.7:9/udp\"]\n";

bool Within(std::chrono::milliseconds patience, const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

class LifecycleTest : public SensorWorld {
 protected:
  void SetUp() override {
    SensorWorld::SetUp();
    if (!HasFatalFailure()) StartSensor();
  }

  [[nodiscard]] Fd Pinned(const std::string& name) const {
    return Fd(bpf_obj_get((Config().pin_directory / name).c_str()));
  }
  [[nodiscard]] bool IsEmpty(const std::string& map) const {
    const Fd fd = Pinned(map);
    unsigned char key[512];
    return fd && bpf_map_get_next_key(fd.get(), nullptr, key) != 0;
  }
};

TEST_F(LifecycleTest, SweepsWhatAKilledSensorHadClosedAndNotSwept) {
  const JobBegun job = Begin(kBlock);
  sensor_.reset();
  // As a kill between the two leaves it.
  const Fd scopes = Pinned("weir_scopes"), cgroups = Pinned("weir_cgroups");
  std::uint64_t cgroup_id = 0;
  ASSERT_EQ(bpf_map_get_next_key(cgroups.get(), nullptr, &cgroup_id), 0);
  ASSERT_EQ(bpf_map_delete_elem(cgroups.get(), &cgroup_id), 0);
  ASSERT_EQ(bpf_map_delete_elem(scopes.get(), &job.scope_id), 0);
  ASSERT_FALSE(IsEmpty("weir_exact"));
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_TRUE(sensor_->ListJobs().empty());
  for (const char* map : {"weir_exact", "weir_usage", "weir_counts", "weir_canary", "weir_resolvers"})
    EXPECT_TRUE(IsEmpty(map)) << map;
}

TEST_F(LifecycleTest, EndsAJobWhoseCgroupWasRemovedFromOutside) {
  const JobBegun job = Begin(kBlock);
  ASSERT_EQ(::rmdir(job.cgroup_path.c_str()), 0);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_FALSE(ended->complete) << "nothing proved that it was judged to its end";
  EXPECT_TRUE(sensor_->ListJobs().empty()) << "nothing is left in it, so nothing is to be waited for";
  EXPECT_TRUE(Within(std::chrono::seconds(5), [&] { return IsEmpty("weir_counts"); }));
}

}  // namespace
}  // namespace weir
