// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/moment.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace weir::cli {
namespace {

constexpr std::int64_t kS = 1'000'000'000;
constexpr std::int64_t kNow = 1'795'442'400 * kS;  // 2026-11-23T14:00:00Z

class Moment : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC-1", 1);  // POSIX sign: one hour east
    tzset();
  }
};

TEST_F(Moment, ReadsSpansBeforeNow) {
  const std::pair<const char*, std::int64_t> cases[] = {{"90s", 90},     {"15m", 900},      {"2h", 7200},
                                                        {"7d", 604'800}, {"2w", 1'209'600}, {"0s", 0}};
  for (const auto& [text, seconds] : cases) EXPECT_EQ(ParseSince(text, kNow).value(), kNow - seconds * kS) << text;
  EXPECT_EQ(ParseSince("9000w", kNow).value(), 0) << "before 1970 is the beginning";
}

TEST_F(Moment, ReadsTimes) {
  const std::pair<const char*, std::int64_t> cases[] = {{"2026-11-23T14:00:00Z", kNow},
                                                        {"2026-11-23T15:00:00", kNow},
                                                        {"2026-11-23 15:00", kNow},
                                                        {"2026-11-23", kNow - 15 * 3600 * kS},
                                                        {"2026-11-23Z", kNow - 14 * 3600 * kS}};
  for (const auto& [text, expected] : cases) EXPECT_EQ(ParseSince(text, kNow).value(), expected) << text;
}

TEST_F(Moment, RefusesWhatIsNeither) {
  for (const char* text : {"", "2", "h", "-2h", "2y", "2h30m", "2026-02-30", "2026-13-01", "yesterday", "2026-11-23T14",
                           "99999999999999999999s", "9223372036854775807w"}) {
    const auto since = ParseSince(text, kNow);
    ASSERT_FALSE(since) << text;
    EXPECT_EQ(since.error().code, Code::kInvalid);
  }
}

TEST_F(Moment, WritesTimesAndSpans) {
  EXPECT_EQ(LocalTime(kNow), "2026-11-23 15:00:00");
  EXPECT_EQ(LocalTime(0), "-");
  const std::pair<std::int64_t, const char*> spans[] = {
      {-1, "-"},           {0, "0ms"},           {412'000'000, "412ms"}, {kS * 32 / 10, "3.2s"},
      {247 * kS, "4m07s"}, {7500 * kS, "2h05m"}, {273'600 * kS, "3d04h"}};
  for (const auto& [ns, text] : spans) EXPECT_EQ(Span(ns), text);
}

TEST_F(Moment, WritesAmountsInFourCharacters) {
  const std::pair<std::uint64_t, const char*> amounts[] = {
      {0, "0"},      {999, "999"},      {1000, "1.0k"},    {1540, "1.5k"},      {9949, "9.9k"},
      {9960, "10k"}, {999'499, "999k"}, {999'600, "1.0M"}, {3'400'000, "3.4M"}, {UINT64_MAX, "18E"}};
  for (const auto& [bytes, text] : amounts) EXPECT_EQ(Amount(bytes), text) << bytes;
}

}  // namespace
}  // namespace weir::cli
