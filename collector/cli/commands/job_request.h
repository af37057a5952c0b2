// SPDX-License-Identifier: Apache-2.0
// What `weir run` and `weir job begin` ask the sensor for.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/cli/commands/policy_input.h"
#include "weir/v1/control.pb.h"

namespace CLI {
class App;
}  // namespace CLI

namespace weir::cli {

struct JobFlags {
  PolicyWish policy;
  std::string name;
  std::map<std::string, std::string> labels;
};

/// --policy, --mode, --allow, --label, and `name_flag` ("--job", "--name") for the name.
void AddJobFlags(CLI::App& command, const char* name_flag, JobFlags& flags);

/// --label KEY=VALUE, which may be repeated.
void AddLabels(CLI::App& command, std::map<std::string, std::string>& labels, const char* description);

struct JobRequest {
  v1::BeginJobRequest request;
  policy::Mode mode = policy::Mode::kAudit;
  policy::OnDeny on_deny = policy::OnDeny::kReport;
};

/// Checks the policy and fills the request with it and with how this process sees names and networks. nullopt: the
/// policy is not valid, and every fault was said.
[[nodiscard]] std::optional<JobRequest> PrepareJob(const JobFlags& flags, const std::vector<std::string>& command_line);

/// Names are 1–128 printable bytes: anything else of a command's file name is escaped or cut.
[[nodiscard]] std::string JobNameOf(const std::string& wanted, const std::vector<std::string>& command_line);

/// Exit code when the sensor did not begin the job: 65 its policy, 77 privilege or kernel, else 69.
[[nodiscard]] int ExitCodeOfBegin(Code code);

}  // namespace weir::cli
