// SPDX-License-Identifier: Apache-2.0
// Rules that no run needed. An allowlist grows; what shrinks it is knowing what can go.
#pragma once

#include <string>
#include <vector>

#include "policy/date.h"
#include "policy/fault.h"
#include "policy/policy.h"
#include "policy/suggest.h"

namespace weir::policy {

/// What one recorded run did and was not refused. Its flows carry the job's name in `job`.
struct RunUse {
  std::string job;  ///< id or name of the workflow job
  std::vector<ObservedFlow> flows;
  std::vector<std::string> lookups;  ///< names that were asked for
};

/// A warning at each allow rule that none of `runs` used; of a rule below `jobs:` only runs of that job count, and
/// without one nothing is said. Deny rules and expired rules are left out. A lookup without a connection is a use of
/// the name's rules as long as no connection says which of them: removing the last one would refuse the lookup. A flow
/// of an unknown executable is a use of rules that are bound to any.
[[nodiscard]] std::vector<Fault> FindUnused(const ParsedPolicy& policy, const std::vector<RunUse>& runs,
                                            const Date& today = Today());

}  // namespace weir::policy
