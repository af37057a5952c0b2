// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/exit_code.h"

#include <gtest/gtest.h>

#include "collector/cli/commands/job_request.h"

namespace weir::cli {
namespace {

TEST(ExitCode, FollowsFromTheKindOfFailure) {
  const std::pair<Code, int> cases[] = {{Code::kInvalid, 64},     {Code::kNotFound, 64},    {Code::kExists, 1},
                                        {Code::kPrivilege, 77},   {Code::kUnsupported, 77}, {Code::kNotArmed, 69},
                                        {Code::kUnavailable, 69}, {Code::kExhausted, 1},    {Code::kInternal, 1}};
  for (const auto& [code, exit] : cases) EXPECT_EQ(ExitCodeOf(code), exit) << CodeName(code);
}

TEST(ExitCode, AJobThatDidNotBeginIsNeverATrivialFailure) {
  const std::pair<Code, int> cases[] = {{Code::kInvalid, 65},     {Code::kNotFound, 69},    {Code::kExists, 69},
                                        {Code::kPrivilege, 77},   {Code::kUnsupported, 77}, {Code::kNotArmed, 69},
                                        {Code::kUnavailable, 69}, {Code::kExhausted, 69},   {Code::kInternal, 69}};
  for (const auto& [code, exit] : cases) EXPECT_EQ(ExitCodeOfBegin(code), exit) << CodeName(code);
}

TEST(ExitCode, OfRunIsTheCommandsUnlessItSucceededAndDenialsFail) {
  struct {
    int status;
    bool denied, fail;
    int exit;
  } const cases[] = {{0, false, false, 0}, {0, true, false, 0},    {0, false, true, 0}, {0, true, true, 10},
                     {3, true, true, 3},   {143, true, true, 143}, {3, false, false, 3}};
  for (const auto& c : cases) {
    EXPECT_EQ(ExitCodeOfRun(c.status, c.denied, c.fail), c.exit) << c.status << c.denied << c.fail;
  }
}

TEST(JobName, IsTheCommandsFileNameUnlessGiven) {
  EXPECT_EQ(JobNameOf("build", {"/bin/true"}), "build");
  EXPECT_EQ(JobNameOf("", {"/bin/true", "x"}), "true");
  EXPECT_EQ(JobNameOf("", {}), "job");
  EXPECT_EQ(JobNameOf("", {"/bin/"}), "job");
  EXPECT_EQ(JobNameOf("", {"a\x1b[2J"}).find('\x1b'), std::string::npos);
}

TEST(JobName, IsCutAtACharacter) {
  std::string wide;
  for (int i = 0; i < 60; ++i) wide += "日";  // three bytes each
  EXPECT_EQ(JobNameOf("", {wide}).size(), 126U);
}

}  // namespace
}  // namespace weir::cli
