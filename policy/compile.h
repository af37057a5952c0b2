// SPDX-License-Identifier: Apache-2.0
// From what is written to what the kernel's tables say, for one job.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/compiled.h"
#include "policy/date.h"
#include "policy/endpoint.h"
#include "policy/fault.h"
#include "policy/policy.h"

namespace weir::policy {

inline constexpr std::size_t kMaxProcessLists = 63;  ///< distinct `process:` lists; the 64th bit says "any"

struct CompileOptions {
  std::string job_id;  ///< entry of `jobs:`; the name is tried when there is none for the id
  std::string job_name;
  std::optional<Mode> mode;                        ///< overrides the policy's and the job's
  std::vector<ListedEndpoint> extra_allow;         ///< from `--allow` or the input `allowed-endpoints`
  std::string extra_source = "allowed-endpoints";  ///< stands for a file name in faults about them
  Date today = Today();
};

struct CompileResult {
  CompiledPolicy policy;  ///< not to be enforced when !ok()
  std::vector<Fault> faults;
  [[nodiscard]] bool ok() const { return !HasError(faults); }
};

/// Merges top level, job and extra rules. Expired rules are left out with a warning. Faults of the load are not
/// repeated; compile only what loaded without error. Near linear in the number of rules.
[[nodiscard]] CompileResult Compile(const ParsedPolicy& policy, const CompileOptions& options = {});

/// The policy of one job: the top level with its entry of `jobs:` merged in, and no `jobs:` left.
[[nodiscard]] ParsedPolicy ForJob(const ParsedPolicy& policy, const CompileOptions& options);

/// The entry of `jobs:` that a job uses; null: none.
[[nodiscard]] const JobPolicy* FindJob(const ParsedPolicy& policy, const CompileOptions& options);

[[nodiscard]] std::string_view ModeName(Mode mode);
[[nodiscard]] std::string_view OnDenyName(OnDeny on_deny);
[[nodiscard]] std::string_view LeftoversName(Leftovers leftovers);

}  // namespace weir::policy
