// SPDX-License-Identifier: Apache-2.0
// In directories of the test's own: cgroups are directories.
#include "sensor/jobs/host_cgroups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace weir::jobs {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class HostCgroups : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-cgroups-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    for (const char* path : {"init.scope", "system.slice/agent.service/child", "system.slice/ssh.service",
                             "user.slice/user-1000.slice/agent.service", "weir.slice/weir-jobs.slice"})
      fs::create_directories(root_ / path);
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] std::vector<std::string> Paths(const std::vector<std::string>& patterns) const {
    std::vector<std::string> paths;
    const auto found = FindCgroups(root_, patterns);
    for (const FoundCgroup& cgroup : found.value()) paths.push_back(cgroup.path);
    return paths;
  }
  fs::path root_;
};

TEST_F(HostCgroups, ANameIsFoundAtAnyDepth) {
  EXPECT_THAT(Paths({"agent.service"}),
              ElementsAre("system.slice/agent.service", "user.slice/user-1000.slice/agent.service"));
}

TEST_F(HostCgroups, APathIsOnePlace) {
  EXPECT_THAT(Paths({"system.slice/agent.service"}), ElementsAre("system.slice/agent.service"));
  EXPECT_THAT(Paths({"user.slice/user-*.slice/agent.service"}),
              ElementsAre("user.slice/user-1000.slice/agent.service"));
}

TEST_F(HostCgroups, AStarStopsAtASlash) {
  EXPECT_THAT(Paths({"system.slice/a*"}), ElementsAre("system.slice/agent.service"));
  EXPECT_THAT(Paths({"system.slice*"}), ElementsAre("system.slice")) << "it is a name";
  EXPECT_THAT(Paths({"s*e/child"}), IsEmpty());
}

TEST_F(HostCgroups, WhatLiesBelowOneIsNotNamedAgain) {
  EXPECT_THAT(Paths({"weir.slice", "weir-jobs.slice"}), ElementsAre("weir.slice"));
}

TEST_F(HostCgroups, NothingFoundIsNoError) { EXPECT_THAT(Paths({"walinuxagent.service"}), IsEmpty()); }

TEST_F(HostCgroups, IdsAreInodes) {
  const auto found = FindCgroups(root_, std::vector<std::string>{"init.scope"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_NE((*found)[0].id, 0u);
}

TEST_F(HostCgroups, ARootThatIsNotThereIsAnError) {
  EXPECT_FALSE(FindCgroups(root_ / "none", std::vector<std::string>{"x"}));
}

TEST(CgroupPattern, FaultsAreNamed) {
  for (const char* bad : {"", "/system.slice", "system.slice/", "*", "*/*"}) EXPECT_NE(FaultOfPattern(bad), "") << bad;
  for (const char* good : {"ssh.service", "system.slice/ssh.service", "ifup@*.service"})
    EXPECT_EQ(FaultOfPattern(good), "") << good;
}

}  // namespace
}  // namespace weir::jobs
