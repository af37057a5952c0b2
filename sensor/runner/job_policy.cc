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
  Result<ParsedPolicy> hosts, repositorys;
  if (!choice.policy.empty()) hosts = Loaded(policy::LoadFile(choice.policy));
  if (own) repositorys = Loaded(policy::LoadText(repository_text, "the repository's policy"));
  WEIR_TRY(hosts);
  WEIR_TRY(repositorys);
  if (!own) return policy::ForJob(*hosts, options);
  if (choice.policy.empty()) return policy::ForJob(*repositorys, options);
  policy::CombineResult both = policy::Combine(*hosts, *repositorys, options);
  if (!both.ok()) return Fail(Code::kInvalid, policy::FormatFaults(both.faults, {}));
  for (const policy::Fault& fault : both.faults) warnings.push_back(fault.file + ": " + fault.reason);
  return std::move(both.policy);
}

}  // namespace

JobPolicy PolicyFor(const Enrolment& enrolment, const Labels& labels, const std::string& repository_text,
                    const std::filesystem::path& worker) {
  JobPolicy out;
  const PolicyChoice* choice = ChoosePolicy(enrolment, labels);
  const auto job = labels.find("job");
  Result<ParsedPolicy> chosen = Fail(Code::kInvalid, "the host has no policy for this repository, workflow and job");
  if (choice != nullptr) {
    chosen = Choose(*choice, job == labels.end() ? "" : job->second, repository_text, out.warnings);
    out.path = choice->policy.string();
  }
  if (chosen) {
    // What the sensor would refuse must be known here, while there is another policy to begin the job with.
    const policy::CompileResult compiled = policy::Compile(*chosen);
    if (!compiled.ok()) chosen = Fail(Code::kInvalid, policy::FormatFaults(compiled.faults, *chosen->sources));
  }
  if (!chosen) {
    out.refused = chosen.error().what;
    chosen = ParsedPolicy{};
    chosen->mode = policy::Mode::kBlock;
    chosen->allow_none = true;
  }
  AllowEndpoints(enrolment.endpoints, {worker.string()}, *chosen);  // LoadEnrolments has refused those with a fault
  if (!chosen->leftovers) chosen->leftovers = policy::Leftovers::kKill;
  out.fails_on_deny = chosen->on_deny == policy::OnDeny::kFail;
  out.text = policy::RenderPolicy(*chosen);
  return out;
}

}  // namespace weir::runner
