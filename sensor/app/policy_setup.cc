// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/policy_setup.h"

#include <algorithm>
#include <set>

#include "bpf/abi.h"
#include "policy/compile.h"
#include "policy/endpoint.h"
#include "policy/format.h"
#include "policy/matcher.h"
#include "policy/policy.h"
#include "policy/render.h"
#include "sensor/guard/runner.h"
#include "sensor/jobs/canary.h"
#include "sensor/runner/endpoints.h"

namespace weir {
namespace {

constexpr std::uint8_t kUdp = 17;

std::string OneLine(const policy::Fault& fault) {
  std::string text = fault.file;
  if (fault.line > 0) text += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
  return text + ": " + fault.reason + " (" + fault.suggestion + ")";
}

Result<policy::LoadResult> LoadFor(const JobSpec& spec) {
  if (spec.policy_text.empty()) {
    policy::LoadResult none;
    none.policy.mode = spec.mode.value_or(policy::Mode::kAudit);
    none.policy.allow_none = true;
    return none;
  }
  policy::LoadResult loaded =
      policy::LoadText(spec.policy_text, spec.policy_path.empty() ? "policy" : spec.policy_path);
  if (!loaded.ok()) return Fail(Code::kInvalid, policy::FormatFaults(loaded.faults, *loaded.policy.sources));
  return loaded;
}

}  // namespace

Result<EffectivePolicy> CompileFor(const JobSpec& spec, const policy::Date& today) {
  auto loaded = LoadFor(spec);
  WEIR_TRY(loaded);
  const policy::ParsedPolicy& parsed = loaded->policy;
  policy::CompileOptions options;
  options.job_id = spec.policy_job;
  options.job_name = spec.policy_job;
  options.mode = spec.mode;
  options.today = today;
  options.extra_source = "--allow";
  for (const std::string& endpoint : spec.allow) {
    policy::ListedEndpoint listed;
    listed.text = endpoint;
    listed.line = static_cast<int>(options.extra_allow.size()) + 1;
    listed.column = 1;
    options.extra_allow.push_back(std::move(listed));
  }
  policy::CompileResult compiled = policy::Compile(parsed, options);
  if (!compiled.ok()) return Fail(Code::kInvalid, policy::FormatFaults(compiled.faults, *parsed.sources));
  EffectivePolicy effective;
  for (const policy::Fault& fault : loaded->faults) effective.warnings.push_back(OneLine(fault));
  for (const policy::Fault& fault : compiled.faults) effective.warnings.push_back(OneLine(fault));
  effective.compiled = std::make_shared<const policy::CompiledPolicy>(std::move(compiled.policy));
  return effective;
}

Result<JobSpec> ForHost(JobSpec spec, const std::vector<std::string>& runner_endpoints) {
  auto loaded = LoadFor(spec);
  WEIR_TRY(loaded);
  std::set<std::string> executables;
  for (const pid_t pid : guard::FindRunner([](pid_t) { return false; }).processes) {
    std::error_code ignored;
    const auto path = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", ignored).string();
    if (path.starts_with('/') && !path.ends_with(" (deleted)")) executables.insert(path);
  }
  runner::AllowEndpoints(runner_endpoints, {executables.begin(), executables.end()}, loaded->policy);
  spec.policy_text = policy::RenderPolicy(loaded->policy);
  return spec;
}

Result<jobs::Resolvers> ResolversFor(const JobSpec& spec, const policy::CompiledPolicy& policy,
                                     const std::filesystem::path& resolv_conf) {
  jobs::Resolvers resolvers;
  if (!spec.resolvers.empty()) {
    resolvers = jobs::ResolversFromText(spec.resolvers, spec.search);
  } else {
    auto loaded = jobs::LoadResolvers(resolv_conf);
    WEIR_TRY(loaded);
    resolvers = std::move(*loaded);
  }
  if (!policy.system_resolvers) resolvers.addresses.clear();
  for (const policy::Address& address : policy.resolvers) {
    if (std::find(resolvers.addresses.begin(), resolvers.addresses.end(), address) == resolvers.addresses.end())
      resolvers.addresses.push_back(address);
  }
  return resolvers;
}

std::uint8_t ExpectedCanaryVerdict(const policy::CompiledPolicy& policy) {
  policy::Address address{};
  if (!jobs::AddressFromText(jobs::kCanaryAddress, address)) return 0;
  const policy::Decision decision = policy::Decide(policy, address, jobs::kCanaryPort, kUdp, policy::ProcessMask{0});
  if (decision.allowed) return WEIR_ALLOW;
  return policy.mode == policy::Mode::kBlock ? WEIR_DENY : WEIR_WOULD_DENY;
}

std::uint32_t KernelMode(policy::Mode mode) { return mode == policy::Mode::kBlock ? WEIR_MODE_BLOCK : WEIR_MODE_AUDIT; }

std::vector<std::string> RuleTexts(const policy::CompiledPolicy& policy) {
  std::vector<std::string> texts;
  texts.reserve(policy.rules.size());
  for (const policy::RuleInfo& rule : policy.rules) texts.push_back(rule.text);
  return texts;
}

}  // namespace weir
