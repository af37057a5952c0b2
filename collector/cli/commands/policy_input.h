// SPDX-License-Identifier: Apache-2.0
// A policy file on its way to the sensor: read, checked and flattened here, where the user's files and messages are.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/compiled.h"
#include "policy/fault.h"
#include "policy/policy.h"
#include "sensor/base/result.h"

namespace weir::cli {

struct PolicyWish {
  std::string file = {};                ///< empty: no policy
  std::string job = {};                 ///< entry of `jobs:`
  std::string mode = {};                ///< "audit", "block" or empty: the policy's; audit without one
  std::vector<std::string> allow = {};  ///< further endpoints
};

struct CheckedPolicy {
  std::string text;  ///< the whole policy as one document: includes merged in; empty: there is none
  policy::Mode mode = policy::Mode::kAudit;
  policy::OnDeny on_deny = policy::OnDeny::kReport;
  std::vector<policy::Fault> warnings;
};

/// Every fault of a policy at once; `faults` empty means that the policy is good.
struct PolicyOutcome {
  CheckedPolicy policy;
  std::vector<policy::Fault> faults;
  std::shared_ptr<const policy::SourceTexts> sources;
};
[[nodiscard]] PolicyOutcome CheckPolicy(const PolicyWish& wish);

/// Reads a policy file. Its includes must stay in the repository that it lies in (the nearest folder above it with a
/// `.git`), else in the file's folder; a pipe may have none.
[[nodiscard]] policy::LoadResult LoadPolicyFile(const std::string& file);

/// What to say when `job` was named and the policy has entries of `jobs:` but none for it: it may be a typing error.
/// Empty: nothing.
[[nodiscard]] std::string NoteOnJob(const policy::ParsedPolicy& policy, const std::string& job);

/// `file` as SARIF points at it: relative to the repository that holds it; the bare name when none does.
[[nodiscard]] std::string PathInRepository(const std::string& file);

/// "audit", "block"; nullopt for anything else.
[[nodiscard]] std::optional<policy::Mode> ModeOf(const std::string& word);

}  // namespace weir::cli
