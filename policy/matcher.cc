// SPDX-License-Identifier: Apache-2.0
#include "policy/matcher.h"

#include <algorithm>
#include <array>
#include <set>

#include "policy/address.h"
#include "policy/wire.h"

namespace weir::policy {
namespace {

bool Admits(ProcessMask rule, ProcessMask task) { return rule == kAnyProcess || (rule & task) != 0; }

constexpr std::uint8_t kHostBits = 128;

}  // namespace

std::string_view VerdictName(Mode mode, bool allowed) {
  if (allowed) return "allow";
  return mode == Mode::kBlock ? "deny" : "would-deny";
}

std::size_t Matcher::KeyHash::operator()(const Key& key) const {
  const std::string_view address(reinterpret_cast<const char*>(key.address.data()), key.address.size());
  const std::size_t rest = std::size_t{key.port} << 32 | std::size_t{key.protocol} << 16 |
                           std::size_t{key.prefix_bits} << 1 | (key.deny ? 1u : 0u);
  return std::hash<std::string_view>{}(address) ^ (rest * 0x9e3779b97f4a7c15u);
}

Matcher::Matcher(const CompiledPolicy& policy) : policy_(policy) {
  for (const AddressRule& rule : policy.addresses) {
    addresses_.emplace(Key{rule.deny, rule.protocol, rule.prefix_bits, rule.port, rule.address}, &rule);
    lengths_[rule.deny].set(rule.prefix_bits);
  }
  for (const NameRule& rule : policy.names) (rule.wildcard ? below_ : exact_).emplace(rule.wire, &rule);
}

const AddressRule* Matcher::Find(const Key& key) const {
  const auto found = addresses_.find(key);
  return found == addresses_.end() ? nullptr : found->second;
}

// Both tables are asked for (protocol, port), (protocol, any), (any, any), in this order.
const AddressRule* Matcher::FindExact(bool deny, const Key& target) const {
  if (target.prefix_bits != kHostBits) return nullptr;
  Key key = target;
  key.deny = deny;
  if (const AddressRule* rule = Find(key)) return rule;
  key.port = 0;
  if (const AddressRule* rule = Find(key)) return rule;
  key.protocol = 0;
  return Find(key);
}

const AddressRule* Matcher::FindLongest(bool deny, const Key& target) const {
  const std::array<std::pair<std::uint8_t, std::uint16_t>, 3> classes = {
      {{target.protocol, target.port}, {target.protocol, 0}, {0, 0}}};
  for (const auto& [protocol, port] : classes) {
    const int longest = std::min<int>(target.prefix_bits, kHostBits - 1);
    for (int bits = longest; bits >= 0; --bits) {
      if (!lengths_[deny].test(static_cast<std::size_t>(bits))) continue;
      const auto length = static_cast<std::uint8_t>(bits);
      if (const AddressRule* rule = Find({deny, protocol, length, port, NetworkOf(target.address, length)}))
        return rule;
    }
  }
  return nullptr;
}

Decision Matcher::DecidePrefix(const Address& network, std::uint8_t prefix_bits, std::uint16_t port,
                               std::uint8_t protocol, ProcessMask processes) const {
  const Key target{false, protocol, prefix_bits, port, network};
  for (const AddressRule* rule : {FindExact(true, target), FindLongest(true, target)}) {
    if (rule != nullptr) return {false, "deny-rule", rule->rule_id, rule->processes};
  }
  const bool loopback =
      prefix_bits == kHostBits ? IsLoopback(network) : IsLoopback(network) && prefix_bits >= kMappedBits + 8;
  if (loopback && policy_.loopback) return {true, "loopback", 0, kAnyProcess};
  Decision decision{false, "no-rule", 0, 0};
  for (const AddressRule* rule : {FindExact(false, target), FindLongest(false, target)}) {
    if (rule == nullptr) continue;
    const bool allowed = Admits(rule->processes, processes);
    // Both refuse: the single host's entry has the executables of the prefixes merged in, so it says more.
    if (!allowed && decision.rule_id != 0) break;
    decision = {allowed,
                !allowed                         ? "process"
                : rule->prefix_bits == kHostBits ? "rule"
                                                 : "cidr",
                rule->rule_id, rule->processes};
    if (allowed) break;
  }
  return decision;
}

Decision Matcher::Decide(const Address& address, std::uint16_t port, std::uint8_t protocol,
                         ProcessMask processes) const {
  return DecidePrefix(IsJudgedAsIpv4(address) ? Ipv4Of(address) : address, kHostBits, port, protocol, processes);
}

const NameRule* Matcher::MatchName(std::string_view wire) const {
  if (const auto exact = exact_.find(wire); exact != exact_.end()) return exact->second;
  return MatchBelow(ParentWire(wire));
}

const NameRule* Matcher::MatchBelow(std::string_view wire) const {
  for (; wire.size() > 1; wire = ParentWire(wire)) {
    if (const auto below = below_.find(wire); below != below_.end()) return below->second;
  }
  return nullptr;
}

Decision Matcher::DecideEntry(const NameRule* entry, std::uint16_t port, std::uint8_t protocol, ProcessMask processes) {
  if (entry == nullptr) return {false, "dns-name", 0, 0};
  if (entry->deny) return {false, "dns-name", entry->rule_id, 0};
  for (const std::uint16_t wanted : {port, std::uint16_t{0}}) {
    for (const NamePort& allowed : entry->ports) {
      if (allowed.protocol != protocol || allowed.port != wanted) continue;
      const bool admitted = Admits(allowed.processes, processes);
      return {admitted, admitted ? "name" : "process", allowed.rule_id, allowed.processes};
    }
  }
  return {false, "no-rule", 0, 0};
}

Decision Matcher::DecideName(std::string_view wire, std::uint16_t port, std::uint8_t protocol,
                             ProcessMask processes) const {
  return DecideEntry(MatchName(wire), port, protocol, processes);
}

ProcessMask Matcher::ProcessesOf(std::string_view executable) const {
  const std::string_view name = executable.substr(executable.rfind('/') + 1);
  const auto lists = [](const std::vector<std::string>& list, std::string_view wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
  };
  ProcessMask mask = 0;
  for (std::size_t i = 0; i < policy_.process_sets.size(); ++i) {
    const ProcessSet& set = policy_.process_sets[i];
    if (lists(set.paths, executable) || lists(set.names, name)) mask |= ProcessMask{1} << i;
  }
  return mask;
}

std::vector<std::string> Matcher::Executables(ProcessMask mask) const {
  std::set<std::string> all;
  for (std::size_t i = 0; mask != kAnyProcess && i < policy_.process_sets.size(); ++i) {
    if ((mask >> i & 1) == 0) continue;
    const ProcessSet& set = policy_.process_sets[i];
    all.insert(set.paths.begin(), set.paths.end());
    all.insert(set.names.begin(), set.names.end());
  }
  return {all.begin(), all.end()};
}

Decision Decide(const CompiledPolicy& policy, const Address& address, std::uint16_t port, std::uint8_t protocol,
                ProcessMask processes) {
  return Matcher(policy).Decide(address, port, protocol, processes);
}

const NameRule* MatchName(const CompiledPolicy& policy, std::string_view wire) {
  return Matcher(policy).MatchName(wire);
}

}  // namespace weir::policy
