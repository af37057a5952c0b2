// SPDX-License-Identifier: Apache-2.0
#include "collector/rpc/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace weir::rpc {
namespace {

TEST(Workers, RunWhatIsQueuedBeforeTheyEnd) {
  std::atomic<int> ran = 0;
  {
    Workers workers(2, 100);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(workers.Submit([&] { ++ran; })) << i;
  }
  EXPECT_EQ(ran, 100);
}

TEST(Workers, RefuseWhatDoesNotFit) {
  std::latch started(1);
  std::latch release(1);
  Workers workers(1, 2);
  ASSERT_TRUE(workers.Submit([&] {
    started.count_down();
    release.wait();
  }));
  started.wait();
  EXPECT_TRUE(workers.Submit([] {}));
  EXPECT_TRUE(workers.Submit([] {}));
  EXPECT_FALSE(workers.Submit([] {}));
  release.count_down();
}

}  // namespace
}  // namespace weir::rpc
