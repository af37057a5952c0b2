// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/writer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <latch>

#include "tests/unit/store/events.h"

namespace weir::ingest {
namespace {

class WriterTest : public testing::Test {
 protected:
  WriterTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "weir-writer-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    store_ = store::Store::Open({.path = directory_ / "weir.db"}).value();
  }
  ~WriterTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  static store::Batch One(std::uint64_t sequence) {
    return store::BatchOf({store::At(sequence, "j", store::Fork{1, 2, 1, 1})});
  }
  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
};

TEST_F(WriterTest, StoresWhatIsQueuedBeforeItEnds) {
  std::atomic<std::uint64_t> last = 0;
  {
    Writer writer(*store_, 1 << 20);
    for (std::uint64_t i = 1; i <= 500; ++i) {
      ASSERT_TRUE(writer.Submit(One(i), 100, [&](Result<store::Appended> outcome) {
        ASSERT_TRUE(outcome);
        EXPECT_EQ(outcome->durable_sequence, last + 1);  // in order
        last = outcome->durable_sequence;
      }));
    }
  }
  EXPECT_EQ(last, 500U);
}

TEST_F(WriterTest, RefusesWhatDoesNotFitAndTakesItLater) {
  std::latch first_is_stored(1);
  std::latch release(1);
  Writer writer(*store_, 100);
  ASSERT_TRUE(writer.Submit(One(1), 90, [&](const auto&) {
    first_is_stored.count_down();
    release.wait();
  }));
  first_is_stored.wait();
  std::latch second_is_stored(1);
  ASSERT_TRUE(writer.Submit(One(2), 90, [&](const auto&) { second_is_stored.count_down(); }));
  const auto refused = writer.Submit(One(3), 90, [](const auto&) { FAIL(); });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExhausted);
  release.count_down();
  second_is_stored.wait();
  std::latch third_is_stored(1);
  EXPECT_TRUE(writer.Submit(One(3), 1000, [&](const auto&) { third_is_stored.count_down(); }));  // one always fits
  third_is_stored.wait();
}

}  // namespace
}  // namespace weir::ingest
