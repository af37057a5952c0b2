// SPDX-License-Identifier: Apache-2.0
// Faults, explanations and differences for people and for programs. Everything is safe to print on a terminal: what a
// repository or a job chose is escaped. Schemas: docs/policy.md.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "policy/diff.h"
#include "policy/explain.h"
#include "policy/fault.h"
#include "policy/policy.h"

namespace weir::policy {

/// `file:line:column: error: reason`, the line with a caret where its text is known, `help: suggestion`.
[[nodiscard]] std::string FormatFaults(const std::vector<Fault>& faults, const SourceTexts& sources);

/// weir.policy-check.v1
[[nodiscard]] nlohmann::ordered_json CheckJson(const std::string& file, const std::vector<Fault>& faults);

[[nodiscard]] std::string FormatExplanation(const Explanation& explanation);

/// weir.policy-explain.v1
[[nodiscard]] nlohmann::ordered_json ExplainJson(const Explanation& explanation);

[[nodiscard]] std::string FormatDiff(const PolicyDiff& diff);

/// weir.policy-diff.v1
[[nodiscard]] nlohmann::ordered_json DiffJson(const PolicyDiff& diff);

}  // namespace weir::policy
