// SPDX-License-Identifier: Apache-2.0
// What a runner itself has to reach, whatever its job may: bound to its executables.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace weir::runner {

/// Of runners of github.com; where the list comes from is in docs/runner.md.
[[nodiscard]] std::vector<std::string> DefaultEndpoints();

/// What is wrong with endpoints, a line each, with `before` at its beginning; empty: nothing.
[[nodiscard]] std::string FaultsOfEndpoints(const std::string& before, const std::vector<std::string>& endpoints);

/// Adds allow rules for them to `policy`, for these executables (absolute paths) only. Endpoints with a fault are left
/// out, and so is everything where no executable is given.
void AllowEndpoints(const std::vector<std::string>& endpoints, const std::vector<std::string>& executables,
                    policy::ParsedPolicy& policy);

}  // namespace weir::runner
