// SPDX-License-Identifier: Apache-2.0
#include "sensor/control/readers.h"

#include <sys/socket.h>

#include <vector>

#include <gtest/gtest.h>

#include "sensor/base/fd.h"

namespace weir::control {
namespace {

Fd Socket() { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

TEST(Readers, OfOneJobAreBoundedAndTakeNothingFromOthers) {
  Readers readers;
  const Peer job{1, 0, false, "a"}, other{2, 0, false, "b"}, outside{3, 0, false, std::nullopt};
  std::vector<Fd> open;
  for (std::size_t i = 0; i < Readers::kPerJob; ++i) {
    open.push_back(Socket());
    ASSERT_TRUE(readers.Admit(open.back().get(), job)) << i;
  }
  const Fd more = Socket();
  EXPECT_FALSE(readers.Admit(more.get(), job));
  EXPECT_TRUE(readers.Admit(more.get(), other));
  const Fd third = Socket();
  EXPECT_TRUE(readers.Admit(third.get(), outside));
  EXPECT_EQ(readers.Find("fd:" + std::to_string(open[0].get())).job_id, "a");
  EXPECT_EQ(readers.Find("fd:" + std::to_string(more.get())).job_id, "b");

  open.clear();
  const Fd again = Socket();
  EXPECT_TRUE(readers.Admit(again.get(), job)) << "what was closed makes room";
}

TEST(Readers, WhoIsNotKnownIsTheLeastThatAPeerCanBe) {
  const Peer peer = Readers().Find("fd:300");
  EXPECT_FALSE(peer.full_control);
  EXPECT_EQ(peer.job_id, "") << "inside, of no job that there is";
}

TEST(Readers, AreBoundedTogether) {
  Readers readers;
  std::vector<Fd> open;
  std::size_t admitted = 0;
  for (std::size_t i = 0; i < Readers::kTotal + 10; ++i) {
    open.push_back(Socket());
    if (readers.Admit(open.back().get(), {1, 0, false, "job" + std::to_string(i)})) ++admitted;
  }
  EXPECT_EQ(admitted, Readers::kTotal);
}

TEST(RefusalCount, TellsLessAndLess) {
  RefusalCount refusals;
  std::vector<std::uint64_t> told;
  for (int i = 0; i < 1000; ++i)
    if (const std::uint64_t count = refusals.Next("a")) told.push_back(count);
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}));
  EXPECT_EQ(refusals.Next("b"), 1u) << "each job has its own";
}

}  // namespace
}  // namespace weir::control
