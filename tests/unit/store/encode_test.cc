// SPDX-License-Identifier: Apache-2.0
#include "collector/store/encode.h"

#include <gtest/gtest.h>

namespace weir::store {
namespace {

TEST(Encode, KeepsEmptyArguments) {
  for (const std::vector<std::string>& items :
       {std::vector<std::string>{}, {""}, {"", ""}, {"a", "", "b"}, {"a b", "\xff"}}) {
    EXPECT_EQ(SplitNul(JoinNul(items)), items);
  }
}

TEST(Encode, CutsAnArgumentAtANul) {
  EXPECT_EQ(SplitNul(JoinNul({std::string("a\0b", 3), "c"})), (std::vector<std::string>{"a", "c"}));
}

TEST(Encode, KeepsCounts) {
  const std::map<std::string, std::uint64_t> counts = {{"exec", 3}, {"flow", ~0ull}};
  EXPECT_EQ(JoinCounts(counts), "exec=3 flow=18446744073709551615");
  EXPECT_EQ(SplitCounts(JoinCounts(counts)), counts);
  EXPECT_TRUE(SplitCounts("").empty());
  EXPECT_TRUE(SplitCounts("nonsense").empty());
}

TEST(Encode, KeepsEachFlagOfAnExec) {
  for (std::uint32_t flags = 0; flags < 64; ++flags) {
    Exec exec;
    SetExecFlags(exec, flags);
    EXPECT_EQ(ExecFlags(exec), flags);
  }
}

}  // namespace
}  // namespace weir::store
