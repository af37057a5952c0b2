// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/mountinfo.h"

#include <gtest/gtest.h>

namespace weir::jobs {
namespace {

std::string ChosenIn(std::string_view text) {
  auto path = ChooseCgroup2(ParseMountinfo(text));
  return path ? path->string() : "error: " + std::string(CodeName(path.error().code));
}

struct Row {
  const char* name;
  const char* text;
  const char* chosen;
};

class MountinfoTest : public ::testing::TestWithParam<Row> {};

TEST_P(MountinfoTest, ChoosesTheCgroup2Mount) { EXPECT_EQ(ChosenIn(GetParam().text), GetParam().chosen); }

INSTANTIATE_TEST_SUITE_P(
    Hosts, MountinfoTest,
    ::testing::Values(
        Row{"Unified", "25 30 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            "/sys/fs/cgroup"},
        Row{"Hybrid",
            "30 23 0:25 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n"
            "31 30 0:26 / /sys/fs/cgroup/unified rw shared:9 master:1 - cgroup2 cgroup2 rw\n"
            "32 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
            "/sys/fs/cgroup/unified"},
        Row{"OnlyVersion1", "32 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "error: unsupported"},
        Row{"WholeBeforePart",
            "31 30 0:26 / /sys/fs/cgroup rw - cgroup2 c rw\n"
            "33 30 0:26 /docker/1 /mnt/part rw - cgroup2 c rw\n",
            "/sys/fs/cgroup"},
        Row{"PartWhenThereIsNoWhole", "33 30 0:26 /docker/1 /sys/fs/cgroup rw - cgroup2 c rw\n", "/sys/fs/cgroup"},
        Row{"OptionalFieldsOfAnyNumber", "31 30 0:26 / /a rw a:1 b:2 c:3 d:4 - cgroup2 c rw\n", "/a"},
        Row{"EscapedSpace", "31 30 0:26 / /a\\040b\\134c rw - cgroup2 c rw\n", "/a b\\c"},
        Row{"LastOfEquals",
            "31 30 0:26 / /first rw - cgroup2 c rw\n"
            "41 30 0:26 / /second rw - cgroup2 c rw\n",
            "/second"},
        Row{"NameInAnotherField", "31 30 0:26 /cgroup2 /a rw - tmpfs cgroup2 rw\n", "error: unsupported"},
        Row{"Torn", "31 30 0:26 / /a rw", "error: unsupported"}, Row{"Empty", "", "error: unsupported"},
        Row{"NoLineEnd", "31 30 0:26 / /a rw - cgroup2 c rw", "/a"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir::jobs
