// SPDX-License-Identifier: Apache-2.0
// Why a policy lets something through, or does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compiled.h"
#include "sensor/base/result.h"

namespace weir::policy {

struct ExplainQuery {
  std::string endpoint;  ///< as in an allow list, but one host: no wildcard, no range; default port 443/tcp
  std::string process;   ///< absolute path or name of the executable; empty: one that no list names
};

/// A rule that names the host (or nearly) and does not decide, and why it does not.
struct Alternative {
  std::uint32_t rule_id = 0;
  std::string text;
  std::string note;
};

struct Explanation {
  std::string endpoint;  ///< canonical
  std::string process;
  Mode mode = Mode::kBlock;
  std::string verdict;  ///< allow | deny | would-deny
  std::string why;      ///< stable keyword: rule cidr name loopback | deny-rule no-rule process dns-name
  std::uint32_t rule_id = 0;
  std::optional<RuleInfo> rule;           ///< that decides
  std::string sentence;                   ///< the same for people
  std::vector<Alternative> alternatives;  ///< at most kMaxAlternatives
};

inline constexpr std::size_t kMaxAlternatives = 20;

/// kInvalid: the query is no single endpoint; `what` has reason and suggestion.
[[nodiscard]] Result<Explanation> Explain(const CompiledPolicy& policy, const ExplainQuery& query);

}  // namespace weir::policy
