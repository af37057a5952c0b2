// SPDX-License-Identifier: Apache-2.0
// What `--step` means.
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "collector/cli/commands/command.h"

namespace weir::cli {
namespace {

v1::StepFilter Asked(const std::string& value) {
  CLI::App app;
  v1::StepFilter step;
  AddStep(app, step);
  std::vector<std::string> arguments;  // the last one first
  if (!value.empty()) arguments = {value, "--step"};
  app.parse(arguments);
  return step;
}

TEST(StepFlag, IsANumberOrElseAName) {
  EXPECT_EQ(Asked("").which_case(), v1::StepFilter::WHICH_NOT_SET);
  for (const std::uint32_t number : {0u, 2u, 4'294'967'295u}) {
    const v1::StepFilter step = Asked(std::to_string(number));
    EXPECT_TRUE(step.has_number()) << number;
    EXPECT_EQ(step.number(), number);
  }
  for (const std::string name : {"__run", "2nd", "2 __run", "4294967296", "+1", " 1", "0x1", "__run\xff"}) {
    const v1::StepFilter step = Asked(name);
    EXPECT_TRUE(step.has_name()) << name;
    EXPECT_EQ(step.name(), name);
  }
}

}  // namespace
}  // namespace weir::cli
