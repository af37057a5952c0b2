// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/job_request.h"

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/resolv_conf.h"
#include "collector/cli/term/console.h"
#include "collector/report/escape.h"
#include "policy/format.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMaxNameBytes = 128;
constexpr std::size_t kMaxLabels = 64;

// Cuts at a character's boundary.
std::string CutBytes(std::string text, std::size_t limit) {
  while (text.size() > limit) {
    std::size_t cut = text.size() - 1;
    while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text.resize(cut);
  }
  return text;
}

std::string CheckName(const std::string& name) {
  if (name.empty() || name.size() > kMaxNameBytes) return "a job's name has 1 to 128 bytes";
  return report::ForTerminal(name) == name ? "" : "a job's name is made of printable characters";
}

std::string CheckLabel(const std::string& label) {
  const std::size_t equals = label.find('=');
  return equals == std::string::npos || equals == 0 ? "a label is written KEY=VALUE" : "";
}

}  // namespace

void AddJobFlags(CLI::App& command, const char* name_flag, JobFlags& flags) {
  command
      .add_option(
          "--policy", flags.policy.file,
          "The allowlist. It is checked first: with a fault in it the job is not started. Without a policy: audit "
          "mode, where everything is let through and told")
      ->type_name("FILE");
  command
      .add_option("--mode", flags.policy.mode,
                  "audit lets everything through and says what block would have refused. Goes before the policy's")
      ->check(CLI::IsMember({"audit", "block"}));
  command.add_option("--allow", flags.policy.allow, "A further endpoint, written as in a policy: example.org:443")
      ->type_name("ENDPOINT")
      ->allow_extra_args(false);
  command
      .add_option(name_flag, flags.name,
                  "The job's name, and which entry of the policy's `jobs:` holds for it; default: the command's name")
      ->type_name("NAME")
      ->check(CheckName);
  AddLabels(command, flags.labels, "A label to find the job by");
}

void AddLabels(CLI::App& command, std::map<std::string, std::string>& labels, const char* description) {
  command
      .add_option_function<std::vector<std::string>>(
          "--label",
          [&labels](const std::vector<std::string>& texts) {
            for (const auto& text : texts) {
              const std::size_t equals = text.find('=');
              labels[text.substr(0, equals)] = text.substr(equals + 1);
            }
            if (labels.size() > kMaxLabels) throw CLI::ValidationError("--label", "at most 64 labels");
          },
          description)
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->check(CheckLabel);
}

std::string JobNameOf(const std::string& wanted, const std::vector<std::string>& command_line) {
  if (!wanted.empty()) return wanted;
  if (command_line.empty()) return "job";
  const std::string& program = command_line.front();
  const std::size_t slash = program.rfind('/');
  const std::string name = report::ForTerminal(slash == std::string::npos ? program : program.substr(slash + 1));
  return name.empty() ? "job" : CutBytes(name, kMaxNameBytes);
}

std::optional<JobRequest> PrepareJob(const JobFlags& flags, const std::vector<std::string>& command_line) {
  PolicyWish wish = flags.policy;
  wish.job = flags.name;
  const PolicyOutcome outcome = CheckPolicy(wish);
  if (!outcome.faults.empty()) {
    SayRaw(policy::FormatFaults(outcome.faults, *outcome.sources));
    Say("the policy is not valid; the job was not started");
    return std::nullopt;
  }
  SayRaw(policy::FormatFaults(outcome.policy.warnings, *outcome.sources));
  JobRequest job;
  job.mode = outcome.policy.mode;
  job.on_deny = outcome.policy.on_deny;
  auto& request = job.request;
  request.set_name(JobNameOf(flags.name, command_line));
  request.set_policy_text(outcome.policy.text);
  request.set_policy_path(flags.policy.file);
  request.set_policy_job(flags.name);
  request.set_mode(job.mode == policy::Mode::kBlock ? v1::MODE_BLOCK : v1::MODE_AUDIT);
  for (const auto& endpoint : flags.policy.allow) request.add_allow(endpoint);
  for (const auto& [key, value] : flags.labels) (*request.mutable_labels())[key] = value;
  for (const auto& argument : command_line) request.add_command(report::ForJson(argument));
  request.set_network_namespace_pid(getpid());
  const ResolverSetup resolvers = ReadResolverSetup();
  for (const auto& server : resolvers.servers) request.add_resolvers(server);
  for (const auto& suffix : resolvers.search) request.add_search(suffix);
  return job;
}

int ExitCodeOfBegin(Code code) {
  switch (code) {
    case Code::kInvalid: return kExitPolicy;
    case Code::kPrivilege:
    case Code::kUnsupported: return kExitCannot;
    default: return kExitNotArmed;
  }
}

}  // namespace weir::cli
