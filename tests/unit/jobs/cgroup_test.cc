// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/cgroup.h"

#include <gtest/gtest.h>

namespace weir::jobs {
namespace {

TEST(ProcCgroup, TakesTheLineOfVersion2) {
  EXPECT_EQ(ParseProcCgroup("12:cpu:/x\n1:name=systemd:/y\n0::/weir/job\n"), "/weir/job");
  EXPECT_EQ(ParseProcCgroup("0::/\n"), "/");
  EXPECT_EQ(ParseProcCgroup("0::/a:b\n"), "/a:b");
  EXPECT_EQ(ParseProcCgroup("1:cpu:/0::/x\n"), "");
  EXPECT_EQ(ParseProcCgroup(""), "");
}

TEST(ProcCgroup, SaysThatThereIsNoSuchProcess) {
  auto cgroup = CgroupOfProcess(0x7ffffff0);
  ASSERT_FALSE(cgroup);
  EXPECT_EQ(cgroup.error().code, Code::kNotFound);
}

}  // namespace
}  // namespace weir::jobs
