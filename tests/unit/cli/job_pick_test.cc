// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/cli/remote/review_end.h"

namespace weir::cli {
namespace {

std::vector<v1::JobRow> Jobs(const std::vector<std::string>& ids) {
  std::vector<v1::JobRow> jobs;
  for (const auto& id : ids) jobs.emplace_back().set_job_id(id);
  return jobs;
}

TEST(PickJob, TakesIdsUniquePrefixesAndLatest) {
  const auto jobs = Jobs({"20261123-b", "20261123-a", "20261122", "2026112"});
  EXPECT_EQ(PickJob(jobs, "latest")->job_id(), "20261123-b");
  EXPECT_EQ(PickJob(jobs, "20261123-a")->job_id(), "20261123-a");
  EXPECT_EQ(PickJob(jobs, "20261122")->job_id(), "20261122");
  EXPECT_EQ(PickJob(jobs, "2026112")->job_id(), "2026112") << "a whole id, though others begin with it";
}

TEST(PickJob, RefusesAmbiguousAndUnknown) {
  const auto jobs = Jobs({"20261123-b", "20261123-a"});
  const auto ambiguous = PickJob(jobs, "20261123");
  EXPECT_EQ(ambiguous.error().code, Code::kInvalid);
  EXPECT_THAT(ambiguous.error().what, testing::HasSubstr("20261123-b, 20261123-a"));
  EXPECT_EQ(PickJob(jobs, "x").error().code, Code::kNotFound);
  EXPECT_EQ(PickJob(jobs, "").error().code, Code::kInvalid);
  EXPECT_EQ(PickJob({}, "latest").error().code, Code::kNotFound);
}

TEST(PickJob, NamesAtMostFiveCandidates) {
  const auto jobs = Jobs({"a1", "a2", "a3", "a4", "a5", "a6"});
  EXPECT_THAT(PickJob(jobs, "a").error().what, testing::HasSubstr("a5, …"));
}

}  // namespace
}  // namespace weir::cli
