// SPDX-License-Identifier: Apache-2.0
// What a runner's hooks run. The first runs outside of every job, before anything of the workflow: the runner gives it
// no variable that a workflow sets. The last runs inside the job, which may have prepared for it: what it says is
// convenience, and the record is what counts.
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "collector/cli/commands/job_request.h"
#include "collector/cli/commands/runner.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/git_objects.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/host/resolv_conf.h"
#include "collector/cli/remote/sensor_end.h"
#include "collector/cli/term/console.h"
#include "collector/report/escape.h"
#include "policy/compile.h"
#include "policy/diff.h"
#include "policy/format.h"
#include "policy/policy.h"
#include "policy/render.h"

namespace weir::cli {
namespace {

constexpr const char* kPolicyPath = ".github/egress.yml";
constexpr std::size_t kMaxEventBytes = 32u << 20;
constexpr std::size_t kMaxLabelBytes = 1024;  // sensor/app/begin.cc refuses more
constexpr std::chrono::seconds kSensorWait{60};
constexpr std::chrono::milliseconds kSensorLook{250};

struct LabelVariable {
  const char* label;
  const char* variable;
};
constexpr LabelVariable kLabels[] = {{"repository", "GITHUB_REPOSITORY"},
                                     {"workflow", "GITHUB_WORKFLOW"},
                                     {"run_id", "GITHUB_RUN_ID"},
                                     {"run_attempt", "GITHUB_RUN_ATTEMPT"},
                                     {"job", "GITHUB_JOB"},
                                     {"actor", "GITHUB_ACTOR"},
                                     {"sha", "GITHUB_SHA"},
                                     {"ref", "GITHUB_REF"},
                                     {"event", "GITHUB_EVENT_NAME"},
                                     {"runner_name", "RUNNER_NAME"}};

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The commit whose policy was reviewed: of a pull request its base, else the commit that runs.
std::string TrustedCommit() {
  if (const auto text = ReadWholeFile(Variable("GITHUB_EVENT_PATH"), kMaxEventBytes)) {
    const auto event = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
    const nlohmann::json::json_pointer base("/pull_request/base/sha");
    if (!event.is_discarded() && event.contains(base) && event.at(base).is_string())
      return event.at(base).get<std::string>();
    // A pull request whose base is not known has no trusted commit: what runs is its own.
    if (event.is_discarded() || event.contains("pull_request")) return {};
  } else {
    return {};
  }
  return Variable("GITHUB_SHA");
}

policy::LoadResult LoadAt(const std::string& commit, const std::string& text) {
  return policy::LoadText(text, kPolicyPath, [&commit](const std::string& path) -> Result<policy::SourceFile> {
    auto included = ReadFileAtCommit(Variable("GITHUB_WORKSPACE"), commit, path);
    WEIR_TRY(included);
    return policy::SourceFile{path, *std::move(included)};
  });
}

/// With its includes; as written when it has faults, which the sensor then tells. Empty: there is none.
std::string RepositoryPolicy(const std::string& commit) {
  const auto text = ReadFileAtCommit(Variable("GITHUB_WORKSPACE"), commit, kPolicyPath);
  if (!text) {
    Say("no " + std::string(kPolicyPath) + " of the repository: " + text.error().what);
    return {};
  }
  const policy::LoadResult loaded = LoadAt(commit, *text);
  return loaded.ok() ? policy::RenderPolicy(loaded.policy) : *text;
}

std::optional<policy::CompiledPolicy> CompiledAt(const std::string& commit) {
  const auto text = ReadFileAtCommit(Variable("GITHUB_WORKSPACE"), commit, kPolicyPath);
  if (!text) return std::nullopt;
  const policy::LoadResult loaded = LoadAt(commit, *text);
  policy::CompileOptions options;
  options.job_id = Variable("GITHUB_JOB");
  policy::CompileResult compiled = policy::Compile(loaded.policy, options);
  return loaded.ok() && compiled.ok() ? std::optional(std::move(compiled.policy)) : std::nullopt;
}

/// Empty: the commit that ran has the policy that held, as far as the workspace can tell.
std::string PolicyChange() {
  const std::string trusted = TrustedCommit(), ran = Variable("GITHUB_SHA");
  if (trusted.empty() || trusted == ran) return {};
  const auto held = CompiledAt(trusted), brought = CompiledAt(ran);
  if (!held || !brought) return {};
  const policy::PolicyDiff diff = policy::Diff(*held, *brought);
  return diff.empty() ? "" : policy::FormatDiff(diff);
}

std::string SummaryOf(const v1::JobState& job, const std::string& change) {
  std::string text = "### Weir: " + std::string(job.mode() == v1::MODE_BLOCK ? "block" : "audit") +
                     (job.armed() ? ", armed" : ", NOT ARMED") + "\n\n" + std::to_string(job.allowed()) + " allowed, " +
                     std::to_string(job.mode() == v1::MODE_BLOCK ? job.denied() : job.would_deny()) +
                     (job.mode() == v1::MODE_BLOCK ? " denied" : " would be denied") + ", job `" + job.job_id() + "`\n";
  if (!change.empty())
    text += "\nThe change that ran brings another `" + std::string(kPolicyPath) +
            "`. The reviewed one held; merged, this would differ:\n\n```\n" + change + "```\n";
  return text;
}

/// A sensor that is being upgraded, or was killed, is back within seconds: no reason for a job to fail.
Result<SensorEnd> AwaitSensor(const std::string& socket) {
  const auto end = std::chrono::steady_clock::now() + kSensorWait;
  auto sensor = SensorEnd::Connect(socket);
  if (!sensor && sensor.error().code == Code::kUnavailable) Say(sensor.error().what + "; waits up to a minute for it");
  while (!sensor && sensor.error().code == Code::kUnavailable && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kSensorLook);
    sensor = SensorEnd::Connect(socket);
  }
  return sensor;
}

}  // namespace

int HookStarted(const Places& places) {
  v1::BeginJobRequest request;
  const std::string job = report::ForTerminal(Variable("GITHUB_JOB"));
  request.set_name(JobNameOf(job.empty() ? "job" : job.substr(0, 128), {}));
  for (const LabelVariable& known : kLabels) {
    const std::string value = report::ForTerminal(Variable(known.variable)).substr(0, kMaxLabelBytes);
    if (!value.empty()) (*request.mutable_labels())[known.label] = value;
  }
  const std::string commit = TrustedCommit();
  if (!commit.empty()) {
    request.set_policy_text(RepositoryPolicy(commit));
    (*request.mutable_labels())["policy_commit"] = commit.substr(0, kMaxLabelBytes);
  }
  const ResolverSetup resolvers = ReadResolverSetup();
  for (const auto& server : resolvers.servers) request.add_resolvers(server);
  for (const auto& suffix : resolvers.search) request.add_search(suffix);
  const auto sensor = AwaitSensor(places.sensor_socket);
  if (!sensor) return Complain(sensor.error());
  const auto begun = sensor->BeginJob(request);
  if (!begun) {
    Say(begun.error().what);
    return ExitCodeOfBegin(begun.error().code);
  }
  for (const auto& warning : begun->warnings()) Say(warning);
  for (const auto& reason : begun->not_armed_reasons()) Say("not armed: " + reason);
  Say("job " + begun->job_id());
  return kExitOk;
}

int HookCompleted(const Places& places) {
  const auto sensor = SensorEnd::Connect(places.sensor_socket);
  if (!sensor) return Complain(sensor.error());
  const auto answer = sensor->ListJobs();
  if (!answer) return Complain(answer.error());
  // Inside of a job the sensor tells of that one only. None or several: the caller is outside.
  if (answer->jobs_size() != 1) {
    Say("this runs in no job: its hook at the start was not run, or failed");
    return kExitNotArmed;
  }
  const v1::JobState& job = answer->jobs(0);
  const std::string change = PolicyChange();
  if (!change.empty()) Say("the change that ran brings another policy; the reviewed one held");
  if (const std::string path = Variable("GITHUB_STEP_SUMMARY"); !path.empty()) {
    std::ofstream summary(path, std::ios::app);
    if (!(summary << SummaryOf(job, change))) Say("no summary: " + path + " cannot be written");
  }
  const auto on_deny = job.labels().find("on_deny");
  const bool fails = on_deny != job.labels().end() && on_deny->second == "fail";
  if (job.denied() > 0) Say(std::to_string(job.denied()) + " denied; `weir report --job " + job.job_id() + "` tells");
  return ExitCodeOfRun(kExitOk, job.denied() > 0, fails);
}

}  // namespace weir::cli
