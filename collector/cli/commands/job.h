// SPDX-License-Identifier: Apache-2.0
// The steps behind `weir job`. Each says its faults and returns the exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/job_request.h"
#include "collector/cli/host/places.h"

namespace weir::cli {

struct JobBeginOptions {
  Places places = Places::FromEnvironment();
  JobFlags job;
  std::vector<int> pids;
  std::string scope = "job";
  Format format = Format::kTable;
};

struct JobStepOptions {
  Places places = Places::FromEnvironment();
  std::string job;
  int exit_status = -1;
  std::vector<std::string> reports;
  Format format = Format::kTable;
};

struct JobListOptions {
  Places places = Places::FromEnvironment();
  std::string job;
  std::string since;
  std::uint32_t limit = 0;
  bool all = false;
  Format format = Format::kTable;
};

[[nodiscard]] int BeginJobStep(const JobBeginOptions& options);
[[nodiscard]] int JoinJobStep(const JobStepOptions& options, const std::vector<std::string>& command_line);
[[nodiscard]] int EndJobStep(const JobStepOptions& options, const Screen& screen);
[[nodiscard]] int ListJobsStep(const JobListOptions& options, const Screen& screen);
[[nodiscard]] int ShowJobStep(const JobListOptions& options, const Screen& screen);

}  // namespace weir::cli
