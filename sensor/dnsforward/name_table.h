// SPDX-License-Identifier: Apache-2.0
// Judges a queried name as the kernel does (bpf/dns_match.bpf.h), over the policy instead of over weir_names.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "policy/compiled.h"

namespace weir::dns_forward {

struct NameJudgement {
  std::uint8_t why = 0;                       ///< WEIR_WHY_*; below 32: allowed
  std::uint32_t rule_id = 0;                  ///< of the rule that spoke; 0: none
  std::span<const policy::NamePort> ports{};  ///< what its addresses are allowed for; lives as long as the table
};

/// Immutable; any thread.
class NameTable {
 public:
  /// `search`: the resolver's search suffixes, wire form, lower case.
  NameTable(std::shared_ptr<const policy::CompiledPolicy> policy, std::span<const std::string> search);

  /// `wire`: well-formed, lower case, with root label. `type`: of the query.
  [[nodiscard]] NameJudgement Judge(std::string_view wire, std::uint16_t type) const;

 private:
  [[nodiscard]] const policy::NameRule* Find(std::string_view wire) const;
  [[nodiscard]] const policy::NameRule* FindBelowSearch(std::string_view wire) const;

  std::shared_ptr<const policy::CompiledPolicy> policy_;
  std::unordered_map<std::string_view, const policy::NameRule*> exact_;  ///< keys lie in *policy_
  std::unordered_map<std::string_view, const policy::NameRule*> below_;
  std::unordered_set<std::string> search_;
};

}  // namespace weir::dns_forward
