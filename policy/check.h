// SPDX-License-Identifier: Apache-2.0
// What `weir policy check` says beyond the faults of loading.
#pragma once

#include <vector>

#include "policy/date.h"
#include "policy/fault.h"
#include "policy/policy.h"

namespace weir::policy {

/// Compiles the policy for the top level and for each entry of `jobs:`, and looks for rules that do nothing: expired,
/// repeated, covered by a wider rule, denied by another, or for sockets that the guard refuses. Each fault once, in the
/// order of the text. Faults of the load are not repeated; call it only after a load without errors.
[[nodiscard]] std::vector<Fault> Check(const ParsedPolicy& policy, const Date& today = Today());

}  // namespace weir::policy
