// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/name_table.h"

#include <utility>

#include "bpf/dns.h"

namespace weir::dns_forward {
namespace {

// The name without its first label. `wire` is well-formed and not the root.
std::string_view Parent(std::string_view wire) { return wire.substr(1 + static_cast<std::uint8_t>(wire.front())); }

bool IsRoot(std::string_view wire) { return wire.size() <= 1; }

}  // namespace

NameTable::NameTable(std::shared_ptr<const policy::CompiledPolicy> policy, std::span<const std::string> search)
    : policy_(std::move(policy)), search_(search.begin(), search.end()) {
  for (const policy::NameRule& rule : policy_->names) (rule.wildcard ? below_ : exact_).emplace(rule.wire, &rule);
}

// The exact name, then wildcards from the longest suffix down: the first entry decides alone.
const policy::NameRule* NameTable::Find(std::string_view wire) const {
  if (const auto exact = exact_.find(wire); exact != exact_.end()) return exact->second;
  while (!IsRoot(wire) && !IsRoot(wire = Parent(wire))) {
    if (const auto below = below_.find(wire); below != below_.end()) return below->second;
  }
  return nullptr;
}

// An allowed name behind which the resolver put a search suffix.
const policy::NameRule* NameTable::FindBelowSearch(std::string_view wire) const {
  std::size_t cuts = 0;
  for (std::string_view suffix = wire; !IsRoot(suffix) && !IsRoot(suffix = Parent(suffix)) && cuts < WEIR_DNS_CUTS;) {
    if (!search_.contains(std::string(suffix))) continue;
    ++cuts;
    std::string name(wire.substr(0, wire.size() - suffix.size()));
    name += '\0';
    const policy::NameRule* rule = Find(name);
    if (rule && !rule->deny) return rule;
  }
  return nullptr;
}

NameJudgement NameTable::Judge(std::string_view wire, std::uint16_t type) const {
  NameJudgement judgement;
  if (const policy::NameRule* rule = IsRoot(wire) ? nullptr : Find(wire)) {
    judgement.rule_id = rule->rule_id;
    if (rule->deny) {
      judgement.why = WEIR_WHY_DENY_RULE;
      return judgement;
    }
    judgement.why = WEIR_WHY_NAME;
    judgement.ports = rule->ports;
  } else if (const policy::NameRule* below = FindBelowSearch(wire)) {
    judgement.rule_id = below->rule_id;
    judgement.why = WEIR_WHY_SEARCH;
  } else {
    judgement.why = WEIR_WHY_DNS_NAME;
    return judgement;
  }
  if (!weir_dns_type_is_known(type)) {
    judgement.why = WEIR_WHY_DNS_TYPE;
    judgement.ports = {};
  }
  return judgement;
}

}  // namespace weir::dns_forward
