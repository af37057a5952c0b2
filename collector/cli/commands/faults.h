// SPDX-License-Identifier: Apache-2.0
// Faults of a policy for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "collector/cli/commands/words.h"
#include "collector/cli/term/screen.h"
#include "policy/fault.h"
#include "policy/policy.h"

namespace weir::cli {

/// "egress.yml:4:5: error: reason", the line with a caret below the column, "help: suggestion". Escaped.
[[nodiscard]] std::string RenderFaults(const std::vector<policy::Fault>& faults, const policy::SourceTexts& sources,
                                       const Screen& screen);

[[nodiscard]] Json FaultJson(const policy::Fault& fault);

}  // namespace weir::cli
