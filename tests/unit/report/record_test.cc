// SPDX-License-Identifier: Apache-2.0
#include "collector/report/record.h"

#include <gtest/gtest.h>

#include "tests/unit/report/evidence.h"

namespace weir::report {
namespace {

TEST(ParseRecord, ReadsWhatAReportShows) {
  const auto record = ParseRecord(RecordJson(
      true, false, 3,
      R"(,"reasons":["sensor was down"],"lost":{"exec":2,"flow":0},"gaps":[{"reason":"sensor-down","from_ns":5,"until_ns":9,"lost":{"dns":1}}],"programs":[{"name":"weir_connect4","tag":"ab","attach":"cgroup/connect4"}],"policy":{"digest":"sha256:1","mode":"block"},"kernel":"6.1","sensor_version":"0.1")"));
  ASSERT_TRUE(record) << record.error().what;
  EXPECT_TRUE(record->armed);
  EXPECT_FALSE(record->complete);
  EXPECT_EQ(record->counts, (VerdictCounts{120, 3, 0}));
  EXPECT_EQ(record->reasons, std::vector<std::string>{"sensor was down"});
  EXPECT_EQ(record->lost, (std::map<std::string, std::uint64_t>{{"exec", 2}}));
  ASSERT_EQ(record->gaps.size(), 1U);
  EXPECT_EQ(record->gaps[0], (RecordGap{"sensor-down", 5, 9, {{"dns", 1}}}));
  EXPECT_EQ(record->programs.size(), 1U);
  EXPECT_EQ(record->policy_digest, "sha256:1");
}

TEST(ParseRecord, BelievesNothingThatIsNotThere) {
  for (const char* text :
       {"", "nonsense", "[]", "{}", R"({"predicate":{}})", R"({"predicate":{"armed":true,"complete":true}})",
        R"({"predicate":{"armed":"yes","complete":true,"counts":{}}})",
        R"({"predicate":{"armed":true,"complete":1,"counts":{}}})",
        R"({"predicate":{"armed":true,"complete":true,"counts":5}})"}) {
    EXPECT_FALSE(ParseRecord(text)) << text;
  }
}

TEST(ParseRecord, SurvivesMembersOfOtherTypes) {
  const auto record = ParseRecord(
      R"({"predicate":{"armed":true,"complete":true,"counts":{"allowed":-1,"denied":"x"},"reasons":[1,null],"lost":[],"gaps":{"a":1},"programs":"x","policy":7,"canary":[]}})");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->counts, (VerdictCounts{0, 0, 0}));
}

}  // namespace
}  // namespace weir::report
