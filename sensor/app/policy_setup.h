// SPDX-License-Identifier: Apache-2.0
// From what a caller asks for to the policy that is enforced.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/compiled.h"
#include "policy/date.h"
#include "sensor/app/sensor.h"
#include "sensor/jobs/resolv_conf.h"

namespace weir {

struct EffectivePolicy {
  std::shared_ptr<const policy::CompiledPolicy> compiled;
  std::vector<std::string> warnings;
};

/// kInvalid: `what` holds every fault. Without policy text: the spec's mode (audit when it names none) and nothing but
/// its `allow`. `today` decides which rules have expired.
[[nodiscard]] Result<EffectivePolicy> CompileFor(const JobSpec& spec, const policy::Date& today);

/// The same job with what the runners of this host need themselves, bound to their executables: a job that has the
/// whole host has them, too. kInvalid: as CompileFor.
[[nodiscard]] Result<JobSpec> ForHost(JobSpec spec, const std::vector<std::string>& runner_endpoints);

/// The resolvers of a job: the policy's, and the system's where the policy says so; and the system's search suffixes.
[[nodiscard]] Result<jobs::Resolvers> ResolversFor(const JobSpec& spec, const policy::CompiledPolicy& policy,
                                                   const std::filesystem::path& resolv_conf);

/// What the programs must say to the canary.
[[nodiscard]] std::uint8_t ExpectedCanaryVerdict(const policy::CompiledPolicy& policy);

/// WEIR_MODE_* of a policy.
[[nodiscard]] std::uint32_t KernelMode(policy::Mode mode);

/// Rule texts in order of rule_id.
[[nodiscard]] std::vector<std::string> RuleTexts(const policy::CompiledPolicy& policy);

}  // namespace weir
