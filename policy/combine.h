// SPDX-License-Identifier: Apache-2.0
// A host's policy and a repository's, both asked, either denies: one policy that says the same.
#pragma once

#include <vector>

#include "policy/compile.h"
#include "policy/endpoint.h"
#include "policy/policy.h"

namespace weir::policy {

/// Products of rules that are compared at most; more is an error, never a rule that is left out.
inline constexpr std::size_t kMaxRulePairs = 20'000'000;

struct CombineResult {
  ParsedPolicy policy;  ///< without `jobs:` and includes; not to be enforced when !ok()
  std::vector<Fault> faults;
  [[nodiscard]] bool ok() const { return !HasError(faults); }
};

/// What both allow, and nothing that one denies, for the job of `options`. A policy in audit mode forbids nothing:
/// beside one that blocks only its settings count, and a warning says so. Exact for addresses and for names; where one
/// policy allows an address only by its number and the other only by a name, the result denies. Rules that came from
/// the host carry "host policy" in their reason.
[[nodiscard]] CombineResult Combine(const ParsedPolicy& host, const ParsedPolicy& repository,
                                    const CompileOptions& options = {});

/// What both endpoints name; nullopt: nothing.
[[nodiscard]] std::optional<Endpoint> Meet(const Endpoint& a, const Endpoint& b);

}  // namespace weir::policy
