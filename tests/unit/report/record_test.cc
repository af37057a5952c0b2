// SPDX-License-Identifier: Apache-2.0
#include "collector/report/record.h"

#include <gtest/gtest.h>

#include "tests/unit/report/evidence.h"

namespace weir::report {
namespace {

TEST(ParseRecord, ReadsWhatAReportShows) {
  const auto record = ParseRecord(RecordJson(
      true, false, 3,
      R"(,"reasons":["sensor was down"],"lost":{"kernel":{"exec":2,"flow":0},"sensor":{"dns":4},"undecodable":1,"undelivered":5,"gaps":[{"reason":"sensor-down","from":"a","until":"b","lost_at_most":9}]},"programs":[{"name":"weir_connect4","tag":"ab","attach":"cgroup/connect4","attached":true}],"policy":{"digest":"sha256:1","mode":"block"},"sensor":{"kernel":"6.1","version":"0.1"},"events":{"count":7,"sha256":"00ff"})"));
  ASSERT_TRUE(record) << record.error().what;
  EXPECT_TRUE(record->armed);
  EXPECT_FALSE(record->complete);
  EXPECT_EQ(record->counts, (VerdictCounts{120, 3, 0}));
  EXPECT_EQ(record->reasons, std::vector<std::string>{"sensor was down"});
  EXPECT_TRUE(record->ArmedToTheEnd());
  EXPECT_EQ(record->lost_in_kernel, (std::map<std::string, std::uint64_t>{{"exec", 2}}));
  EXPECT_EQ(record->lost_in_sensor, (std::map<std::string, std::uint64_t>{{"dns", 4}}));
  EXPECT_EQ(record->undecodable, 1U);
  EXPECT_EQ(record->undelivered, 5U);
  EXPECT_EQ(record->kernel, "6.1");
  EXPECT_EQ(record->sensor_version, "0.1");
  EXPECT_EQ(record->event_digest, "00ff");
  ASSERT_EQ(record->gaps.size(), 1U);
  EXPECT_EQ(record->gaps[0], (RecordGap{"sensor-down", "a", "b", 9}));
  EXPECT_EQ(record->programs.size(), 1U);
  EXPECT_EQ(record->policy_digest, "sha256:1");
}

TEST(ParseRecord, BelievesNothingThatIsNotThere) {
  for (const char* text :
       {"", "nonsense", "[]", "{}", R"({"predicate":{}})", R"({"predicate":{"armed":{"armed":true},"complete":true}})",
        R"({"predicate":{"armed":{"armed":"yes"},"complete":true,"counts":{}}})",
        R"({"predicate":{"armed":true,"complete":true,"counts":{}}})",
        R"({"predicate":{"armed":{"armed":true},"complete":1,"counts":{}}})",
        R"({"predicate":{"armed":{"armed":true},"complete":true,"counts":5}})"}) {
    EXPECT_FALSE(ParseRecord(text)) << text;
  }
}

TEST(ParseRecord, SurvivesMembersOfOtherTypes) {
  const auto record = ParseRecord(
      R"({"predicate":{"armed":{"armed":true,"reasons":5},"complete":true,"counts":{"allowed":-1,"denied":"x","hooks":[]},"reasons":[1,null],"lost":{"kernel":[],"gaps":{"a":1}},"programs":"x","policy":7,"canaries":[3],"sensor":[],"events":1}})");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->counts, (VerdictCounts{0, 0, 0}));
  EXPECT_FALSE(record->ArmedToTheEnd());
}

TEST(ParseRecord, CallsItArmedToTheEndOnlyWhenAllIsProven) {
  const auto armed = [](const char* canaries, const char* programs) {
    return ParseRecord(R"({"predicate":{"armed":{"armed":true},"complete":true,"counts":{},"canaries":)" +
                       std::string(canaries) + R"(,"programs":)" + programs + "}}")
        ->ArmedToTheEnd();
  };
  EXPECT_TRUE(armed(R"([{"proven":true},{"proven":true}])", R"([{"attached":true}])"));
  EXPECT_FALSE(armed(R"([{"proven":true}])", R"([{"attached":true}])"));
  EXPECT_FALSE(armed(R"([{"proven":true},{"proven":false}])", R"([{"attached":true}])"));
  EXPECT_FALSE(armed(R"([{"proven":true},{"proven":true}])", R"([{"attached":true},{"attached":false}])"));
}

}  // namespace
}  // namespace weir::report
