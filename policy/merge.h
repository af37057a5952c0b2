// SPDX-License-Identifier: Apache-2.0
// Folding of rules, so that the kernel's first match decides alone. Internal to the policy library.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "policy/compiled.h"
#include "policy/endpoint.h"

namespace weir::policy {

/// One rule that holds, ready to merge.
struct MergeRule {
  const Endpoint* endpoint = nullptr;
  ProcessMask processes = kAnyProcess;
  std::uint32_t rule_id = 0;
  bool deny = false;
};

/// A fault about the rule `rule_id`.
using MergeFault = std::function<void(std::uint32_t rule_id, std::string reason, std::string suggestion)>;

/// Who may use something, and the rule to name for it. An unbound rule beats a bound one, else the first stays.
struct Grant {
  ProcessMask processes = 0;
  std::uint32_t rule_id = 0;
  void Add(const Grant& wider) {
    if (processes == kAnyProcess || wider.processes == 0) return;
    if (processes == 0 || wider.processes == kAnyProcess) rule_id = wider.rule_id;
    processes |= wider.processes;
  }
};

/// Address rules of both tables. After it, the first hit in the kernel's order (exact before prefix, longest prefix;
/// each by port and protocol, then any port, then any protocol) has the executables of every rule that covers it.
[[nodiscard]] std::vector<AddressRule> MergeAddresses(const std::vector<MergeRule>& rules, const MergeFault& fault);

/// Name rules. After it, the most specific entry for a name has all ports of the allow rules that cover the name, less
/// what deny rules take. `any_protocols`: what `any` means for names.
[[nodiscard]] std::vector<NameRule> MergeNames(const std::vector<MergeRule>& rules,
                                               const std::vector<std::uint8_t>& any_protocols, const MergeFault& fault);

}  // namespace weir::policy
