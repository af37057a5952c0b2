// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/canary.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace weir::jobs {
namespace {

struct Row {
  const char* name;
  std::uint8_t expected;
  std::uint8_t verdict;
  std::uint8_t why;
  int connect_errno;
  bool proven;
};

class CanaryTest : public ::testing::TestWithParam<Row> {};

TEST_P(CanaryTest, ProvesOnlyWhatWasSeen) {
  const Row& row = GetParam();
  Canary canary;
  canary.expected_verdict = row.expected;
  canary.verdict = row.verdict;
  canary.why = row.why;
  canary.connect_errno = row.connect_errno;
  JudgeCanary(canary);
  EXPECT_EQ(canary.proven, row.proven) << canary.reason;
  EXPECT_EQ(canary.reason.empty(), row.proven);
}

INSTANTIATE_TEST_SUITE_P(
    Probes, CanaryTest,
    ::testing::Values(Row{"Denied", WEIR_DENY, WEIR_DENY, WEIR_WHY_NO_RULE, EPERM, true},
                      Row{"DeniedButConnected", WEIR_DENY, WEIR_DENY, WEIR_WHY_NO_RULE, 0, false},
                      Row{"NotJudged", WEIR_DENY, 0, 0, 0, false},
                      Row{"NotJudgedButRefusedBySomeoneElse", WEIR_DENY, 0, 0, EPERM, false},
                      Row{"Audit", WEIR_WOULD_DENY, WEIR_WOULD_DENY, WEIR_WHY_NO_RULE, 0, true},
                      Row{"AuditWithoutARoute", WEIR_WOULD_DENY, WEIR_WOULD_DENY, WEIR_WHY_NO_RULE, ENETUNREACH, true},
                      Row{"AuditRefusedBySomeoneElse", WEIR_WOULD_DENY, WEIR_WOULD_DENY, WEIR_WHY_NO_RULE, EPERM,
                          false},
                      Row{"Allowed", WEIR_ALLOW, WEIR_ALLOW, WEIR_WHY_RULE, 0, true},
                      Row{"WrongMode", WEIR_DENY, WEIR_WOULD_DENY, WEIR_WHY_NO_RULE, 0, false},
                      Row{"AllowedThoughThePolicyDenies", WEIR_DENY, WEIR_ALLOW, WEIR_WHY_RULE, 0, false},
                      Row{"ANameLedThereMeanwhile", WEIR_DENY, WEIR_ALLOW, WEIR_WHY_NAME, 0, true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Canary, KeepsTheReasonFoundBefore) {
  Canary canary;
  canary.expected_verdict = canary.verdict = WEIR_DENY;
  canary.connect_errno = EPERM;
  canary.reason = "did not enter the scope";
  JudgeCanary(canary);
  EXPECT_FALSE(canary.proven);
  EXPECT_EQ(canary.reason, "did not enter the scope");
}

}  // namespace
}  // namespace weir::jobs
