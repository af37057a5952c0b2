// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/job_id.h"

#include <gtest/gtest.h>

#include <set>

namespace weir::jobs {
namespace {

TEST(JobId, SortsByTimeAndIsAFileName) {
  const auto early = MakeJobId(1'700'000'000'123'000'000), late = MakeJobId(1'700'000'000'124'000'000);
  ASSERT_TRUE(early && late);
  EXPECT_LT(*early, *late);
  EXPECT_EQ(early->substr(0, 19), "20231114-221320123-");
  EXPECT_TRUE(IsJobId(*early));
}

TEST(JobId, CannotBeGuessed) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.insert(MakeJobId(1).value());
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(JobId, RefusesWhatCouldLeaveADirectory) {
  for (const char* bad : {"", "..", "a/b", "A", "a.b", "a b", "\n"}) EXPECT_FALSE(IsJobId(bad)) << bad;
  EXPECT_FALSE(IsJobId(std::string(65, 'a')));
  EXPECT_FALSE(IsJobId(std::string_view("a\0b", 3)));
}

TEST(JobId, IsFoundInTheCgroupOfAProcess) {
  const std::string id = MakeJobId(1'700'000'000'123'000'000).value();
  for (const std::string& path : {"/weir/" + id, "/a.slice/weir/" + id + "/below", "/weir/weir/" + id})
    EXPECT_EQ(JobIdInCgroup(path), id) << path;
  for (const std::string& path : {std::string("/"), std::string("/weir"), std::string("/weir/build"), "/other/" + id,
                                  "/weir/" + id + "x", "/weir/x" + id.substr(1)})
    EXPECT_EQ(JobIdInCgroup(path), "") << path;
}

}  // namespace
}  // namespace weir::jobs
