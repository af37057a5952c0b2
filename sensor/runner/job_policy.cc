// SPDX-License-Identifier: Apache-2.0
#include "sensor/runner/job_policy.h"

#include "policy/combine.h"
#include "policy/format.h"
#include "policy/policy.h"
#include "policy/render.h"
#include "sensor/runner/endpoints.h"

namespace weir::runner {
namespace {

using policy::ParsedPolicy;

Result<ParsedPolicy> Loaded(policy::LoadResult loaded) {
  if (!loaded.ok()) return Fail(Code::kInvalid, policy::FormatFaults(loaded.faults, *loaded.policy.sources));
  return std::move(loaded.policy);
}

/// The two, as the host says. `warnings` gets what does not stop the job.
Result<ParsedPolicy> Choose(const PolicyChoice& choice, const std::string& job, const std::string& repository_text,
                            std::vector<std::string>& warnings) {
  policy::CompileOptions options;
  options.job_id = job;
  const bool own = choice.repository_policy != RepositoryPolicy::kIgnore && !repository_text.empty();
  if (!own && choice.repository_policy == RepositoryPolicy::kRequire)
    return Fail(Code::kInvalid, "the host requires a policy of the repository, and none was found at a trusted ref");
  if (!own && choice.policy.empty())
    return Fail(Code::kInvalid, "neither the host nor the repository has a policy for this job");
  const auto repositorys = [&repository_text] {
    return Loaded(policy::LoadText(repository_text, "the repository's policy"));
  };
  if (choice.policy.empty()) {
    const Result<ParsedPolicy> alone = repositorys();
    WEIR_TRY(alone);
    return policy::ForJob(*alone, options);
  }
  const Result<ParsedPolicy> hosts = Loaded(policy::LoadFile(choice.policy));
  WEIR_TRY(hosts);
  if (!own) return policy::ForJob(*hosts, options);
  const Result<ParsedPolicy> narrowed = repositorys();
  WEIR_TRY(narrowed);
  policy::CombineResult both = policy::Combine(*hosts, *narrowed, options);
  if (!both.ok()) return Fail(Code::kInvalid, policy::FormatFaults(both.faults, {}));
  for (const policy::Fault& fault : both.faults) warnings.push_back(fault.file + ": " + fault.reason);
  return std::move(both.policy);
}

/// What holds when nothing else may.
ParsedPolicy Nothing() {
  ParsedPolicy policy;
  policy.mode = policy::Mode::kBlock;
  policy.allow_none = true;
  return policy;
}

/// `choice` null: the host has none for this job.
Result<ParsedPolicy> ChooseValid(const PolicyChoice* choice, const std::string& job, const std::string& repository_text,
                                 std::vector<std::string>& warnings) {
  if (choice == nullptr) return Fail(Code::kInvalid, "the host has no policy for this repository, workflow and job");
  auto chosen = Choose(*choice, job, repository_text, warnings);
  WEIR_TRY(chosen);
  // What the sensor would refuse must be known here, while there is another policy to begin the job with.
  const policy::CompileResult compiled = policy::Compile(*chosen);
  if (!compiled.ok()) return Fail(Code::kInvalid, policy::FormatFaults(compiled.faults, *chosen->sources));
  if (compiled.policy.mode == policy::Mode::kAudit) {
    const std::string file = choice->policy.string();
    warnings.push_back("audit mode: nothing of this job is refused" +
                       (file.empty() ? file : "; the host's policy is " + file));
  }
  return chosen;
}

}  // namespace

JobPolicy PolicyFor(const Enrolment& enrolment, const Labels& labels, const std::string& repository_text,
                    const std::filesystem::path& worker) {
  JobPolicy out;
  const PolicyChoice* choice = ChoosePolicy(enrolment, labels);
  if (choice != nullptr) out.path = choice->policy.string();
  const auto job = labels.find("job");
  auto chosen = ChooseValid(choice, job == labels.end() ? "" : job->second, repository_text, out.warnings);
  if (!chosen) out.refused = chosen.error().what;
  ParsedPolicy policy = chosen ? *std::move(chosen) : Nothing();
  AllowEndpoints(enrolment.endpoints, {worker.string()}, policy);  // LoadEnrolments has refused those with a fault
  if (!policy.leftovers) policy.leftovers = policy::Leftovers::kKill;
  out.fails_on_deny = policy.on_deny == policy::OnDeny::kFail;
  out.text = policy::RenderPolicy(policy);
  return out;
}

}  // namespace weir::runner
