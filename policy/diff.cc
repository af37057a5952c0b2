// SPDX-License-Identifier: Apache-2.0
#include "policy/diff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "policy/address.h"
#include "policy/compile.h"
#include "policy/endpoint.h"
#include "policy/matcher.h"
#include "policy/render.h"
#include "policy/wire.h"

namespace weir::policy {
namespace {

using Port = std::pair<std::uint8_t, std::uint16_t>;  // protocol, port

// Bounds for policies from strangers. What is beyond them is said, not left out silently.
constexpr std::size_t kMaxInherited = 100'000;     // prefixes times ports of the prefixes that contain them
constexpr std::size_t kMaxRelations = 10'000'000;  // changes times rules; beyond, `related` stays empty

// What one side says about one endpoint.
struct Reach {
  bool reachable = false;
  std::vector<std::string> processes;  // empty: any
  std::uint32_t rule_id = 0;
  [[nodiscard]] bool Same(const Reach& other) const {
    return reachable == other.reachable && processes == other.processes;
  }
};

struct Side {
  explicit Side(const CompiledPolicy& p) : policy(p), matcher(p) {}

  // Empty: any. Masks repeat; the lists behind them are made once.
  [[nodiscard]] const std::vector<std::string>& Executables(ProcessMask mask) const {
    const auto [entry, fresh] = executables.try_emplace(mask);
    if (fresh) entry->second = matcher.Executables(mask);
    return entry->second;
  }
  [[nodiscard]] Reach Of(const Decision& decision) const {
    const bool reachable = decision.processes != 0 && decision.why != "deny-rule";
    return {reachable, reachable ? Executables(decision.processes) : std::vector<std::string>{}, decision.rule_id};
  }
  // With no process at all, so that a bound rule answers with its executables.
  [[nodiscard]] Reach Prefix(const Address& address, std::uint8_t bits, Port port) const {
    return Of(matcher.DecidePrefix(address, bits, port.second, port.first, 0));
  }
  [[nodiscard]] const NameRule* Entry(const NameRule& pattern) const {
    return pattern.wildcard ? matcher.MatchBelow(pattern.wire) : matcher.MatchName(pattern.wire);
  }
  [[nodiscard]] Reach Name(const NameRule* entry, Port port) const {
    return Of(Matcher::DecideEntry(entry, port.second, port.first, 0));
  }
  [[nodiscard]] std::optional<RuleInfo> Rule(std::uint32_t id) const {
    return id == 0 || id > policy.rules.size() ? std::nullopt : std::optional(policy.rules[id - 1]);
  }

  const CompiledPolicy& policy;
  Matcher matcher;
  mutable std::map<ProcessMask, std::vector<std::string>> executables;
};

Endpoint WithPort(Endpoint endpoint, Port port) {
  endpoint.protocol = port.first;
  endpoint.port = port.second;
  return endpoint;
}

class Differ {
 public:
  Differ(const CompiledPolicy& before, const CompiledPolicy& after) : before_(before), after_(after) {}

  PolicyDiff Run() && {
    Settings();
    Names();
    Addresses();
    Relate();
    std::sort(out_.changes.begin(), out_.changes.end(), [](const Change& a, const Change& b) {
      return std::tie(a.kind, a.endpoint) < std::tie(b.kind, b.endpoint);
    });
    return std::move(out_);
  }

 private:
  void Setting(const std::string& key, const std::string& before, const std::string& after) {
    if (before != after) out_.settings.push_back({key, before, after});
  }

  void Settings() {
    const CompiledPolicy &a = before_.policy, &b = after_.policy;
    Setting("mode", std::string(ModeName(a.mode)), std::string(ModeName(b.mode)));
    Setting("on_deny", std::string(OnDenyName(a.on_deny)), std::string(OnDenyName(b.on_deny)));
    Setting("leftovers", std::string(LeftoversName(a.leftovers)), std::string(LeftoversName(b.leftovers)));
    const auto resolvers = [](const CompiledPolicy& policy) {
      std::set<std::string> all;
      if (policy.system_resolvers) all.insert("system");
      for (const Address& address : policy.resolvers) all.insert(FormatAddress(address));
      std::string text;
      for (const std::string& one : all) text += (text.empty() ? "" : ", ") + one;
      return text;
    };
    Setting("dns.resolvers", resolvers(a), resolvers(b));
    Setting("dns.max_age", RenderMaxAge(a.learned_max_seconds), RenderMaxAge(b.learned_max_seconds));
    Settings("guard.", a.guard, b.guard);
    Settings("sockets.", a.sockets, b.sockets);
  }

  /// One setting a key that either side has.
  void Settings(const std::string& prefix, const std::map<std::string, std::string>& a,
                const std::map<std::string, std::string>& b) {
    std::map<std::string, std::string> keys = a;
    keys.insert(b.begin(), b.end());
    const auto said = [](const std::map<std::string, std::string>& settings, const std::string& key) {
      const auto found = settings.find(key);
      return found == settings.end() ? std::string("default") : found->second;
    };
    for (const auto& [key, any] : keys) Setting(prefix + key, said(a, key), said(b, key));
  }

  // Every pattern that either side has splits the names into sets within which both sides answer alike.
  void Names() {
    using PatternKey = std::pair<std::string_view, bool>;  // into the policies, which outlive this
    std::map<PatternKey, const NameRule*> patterns;
    for (const Side* side : {&before_, &after_}) {
      for (const NameRule& rule : side->policy.names) patterns.emplace(PatternKey{rule.wire, rule.wildcard}, &rule);
    }
    for (const auto& [key, pattern] : patterns) {
      const NameRule *a = before_.Entry(*pattern), *b = after_.Entry(*pattern);
      const NameRule* above = nullptr;
      for (auto wire = ParentWire(key.first); wire.size() > 1 && above == nullptr; wire = ParentWire(wire)) {
        const auto found = patterns.find({wire, true});
        if (found != patterns.end()) above = found->second;
      }
      Endpoint endpoint;
      endpoint.host = key.second ? HostKind::kWildcard : HostKind::kName;
      endpoint.name = FromWire(key.first);
      for (const Port& port : PortsOf(a, b)) {
        const Reach reach_a = before_.Name(a, port), reach_b = after_.Name(b, port);
        const bool implied = above != nullptr && reach_a.Same(before_.Name(before_.Entry(*above), port)) &&
                             reach_b.Same(after_.Name(after_.Entry(*above), port));
        if (!implied) Add(WithPort(endpoint, port), reach_a, reach_b);
      }
    }
  }

  static std::set<Port> PortsOf(const NameRule* a, const NameRule* b) {
    std::set<Port> ports;
    for (const NameRule* entry : {a, b}) {
      if (entry == nullptr) continue;
      for (const NamePort& port : entry->ports) ports.emplace(port.protocol, port.port);
    }
    return ports;
  }

  // What both sides have at one prefix, by table and class; null: nothing.
  using Entries = std::map<std::pair<bool, Port>, std::pair<const AddressRule*, const AddressRule*>>;
  struct Prefix {
    Address address{};
    std::uint8_t bits = 0;
    std::set<Port> ports;  // of its own entries
    // Classes that the sides answer differently here, also where only a prefix above says so. Shared until it differs.
    std::shared_ptr<std::set<Port>> changed;
  };

  void Addresses() {
    std::map<std::pair<Address, std::uint8_t>, Entries> prefixes;
    for (const AddressRule& rule : before_.policy.addresses) {
      prefixes[{rule.address, rule.prefix_bits}][{rule.deny, {rule.protocol, rule.port}}].first = &rule;
    }
    for (const AddressRule& rule : after_.policy.addresses) {
      prefixes[{rule.address, rule.prefix_bits}][{rule.deny, {rule.protocol, rule.port}}].second = &rule;
    }
    std::vector<Prefix> path;
    for (const auto& [key, entries] : prefixes) {
      while (!path.empty() && !Contains(path.back().address, path.back().bits, key.first, key.second)) path.pop_back();
      Prefix prefix{key.first, key.second, {}, path.empty() ? std::make_shared<std::set<Port>>() : path.back().changed};
      for (const auto& entry : entries) prefix.ports.insert(entry.first.second);
      const bool same_entries = SameEntries(entries);
      for (const Port& port : PortsToCompare(prefix, path, same_entries)) {
        ComparePrefix(&prefix, path, port);
      }
      path.push_back(std::move(prefix));
    }
  }

  [[nodiscard]] bool SameEntries(const Entries& entries) const {
    return std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
      const auto& [a, b] = entry.second;
      return a != nullptr && b != nullptr && before_.Executables(a->processes) == after_.Executables(b->processes);
    });
  }

  // Entries for wide classes also speak for the single ports of the prefixes that contain this one. Where both sides
  // have the same entries here, only what differs above can differ.
  std::set<Port> PortsToCompare(const Prefix& prefix, const std::vector<Prefix>& path, bool same_entries) {
    std::set<Port> ports = prefix.ports;
    const bool wide = std::any_of(ports.begin(), ports.end(), [](const Port& port) { return port.second == 0; });
    if (!wide || path.empty()) return ports;
    if (same_entries) {
      if (Spend(prefix.changed->size())) ports.insert(prefix.changed->begin(), prefix.changed->end());
      return ports;
    }
    for (const Prefix& above : path) {
      if (Spend(above.ports.size())) ports.insert(above.ports.begin(), above.ports.end());
    }
    return ports;
  }

  // What a prefix itself says is always compared; what it inherits, as far as the bound goes.
  bool Spend(std::size_t combinations) {
    inherited_ += combinations;
    out_.complete = out_.complete && inherited_ <= kMaxInherited;
    return inherited_ <= kMaxInherited;
  }

  void NoteChanged(Prefix* prefix, Port port, bool changed) {
    if (prefix->changed->contains(port) == changed) return;
    if (prefix->changed.use_count() > 1) {
      if (!Spend(prefix->changed->size())) return;
      prefix->changed = std::make_shared<std::set<Port>>(*prefix->changed);
    }
    if (changed)
      prefix->changed->insert(port);
    else
      prefix->changed->erase(port);
  }

  void ComparePrefix(Prefix* prefix, const std::vector<Prefix>& path, Port port) {
    const Reach a = before_.Prefix(prefix->address, prefix->bits, port);
    const Reach b = after_.Prefix(prefix->address, prefix->bits, port);
    NoteChanged(prefix, port, !a.Same(b));
    const bool implied = !path.empty() && a.Same(before_.Prefix(path.back().address, path.back().bits, port)) &&
                         b.Same(after_.Prefix(path.back().address, path.back().bits, port));
    if (implied) return;
    Endpoint endpoint;
    endpoint.host = HostKind::kAddress;
    endpoint.address = prefix->address;
    endpoint.prefix_bits = prefix->bits;
    Add(Whole(WithPort(endpoint, port), a, b), a, b);
  }

  // `[::/0]` was compiled to many prefixes beside IPv4; people wrote one.
  [[nodiscard]] Endpoint Whole(Endpoint part, const Reach& a, const Reach& b) const {
    if (part.prefix_bits > kMappedBits || IsIpv4(part.address)) return part;
    const auto rule = b.reachable || !a.reachable ? after_.Rule(b.rule_id) : before_.Rule(a.rule_id);
    if (!rule) return part;
    const auto written = ParseEndpoint(rule->text, rule->deny ? ListKind::kDeny : ListKind::kAllow).endpoint;
    if (!written || written->host != HostKind::kAddress || written->prefix_bits >= part.prefix_bits) return part;
    if (!IsNetworkWithIpv4(*written)) return part;
    part.address = written->address;
    part.prefix_bits = written->prefix_bits;
    return part;
  }

  static bool IsNetworkWithIpv4(const Endpoint& endpoint) {
    return endpoint.prefix_bits < kMappedBits &&
           Contains(endpoint.address, endpoint.prefix_bits, *ParseIpv4("0.0.0.0"), kMappedBits);
  }

  void Add(const Endpoint& endpoint, const Reach& a, const Reach& b) {
    if (a.Same(b) || !reported_.insert(FormatEndpoint(endpoint)).second) return;
    Change change;
    change.endpoint = FormatEndpoint(endpoint);
    change.before = a.reachable;
    change.after = b.reachable;
    change.processes_before = a.processes;
    change.processes_after = b.processes;
    change.rule_before = before_.Rule(a.rule_id);
    change.rule_after = after_.Rule(b.rule_id);
    if (!a.reachable)
      change.kind = ChangeKind::kAdded;
    else if (!b.reachable)
      change.kind = ChangeKind::kRemoved;
    else
      change.kind = Gains(a.processes, b.processes) ? ChangeKind::kWidened : ChangeKind::kNarrowed;
    endpoints_.push_back(endpoint);
    out_.changes.push_back(std::move(change));
  }

  // True when a process gains access; an empty list is every process.
  static bool Gains(const std::vector<std::string>& before, const std::vector<std::string>& after) {
    if (before.empty() || after.empty()) return after.empty();
    return !std::includes(before.begin(), before.end(), after.begin(), after.end());
  }

  using Written = std::map<std::string, Endpoint>;
  static Written AllowsOf(const CompiledPolicy& policy) {
    Written written;
    for (const RuleInfo& rule : policy.rules) {
      if (rule.deny || rule.expired) continue;
      if (auto parsed = ParseEndpoint(rule.text, ListKind::kAllow).endpoint) {
        std::string text = FormatEndpoint(*parsed);
        written.emplace(std::move(text), *std::move(parsed));
      }
    }
    return written;
  }

  // An added endpoint that takes in a rule which is gone is that rule, widened; the other way round for removed ones.
  void Relate() {
    const Written before = AllowsOf(before_.policy), after = AllowsOf(after_.policy);
    Written gone, fresh;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::inserter(gone, gone.end()),
                        [](const auto& a, const auto& b) { return a.first < b.first; });
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::inserter(fresh, fresh.end()),
                        [](const auto& a, const auto& b) { return a.first < b.first; });
    if (out_.changes.size() * (gone.size() + fresh.size()) > kMaxRelations) return;
    for (std::size_t i = 0; i < out_.changes.size(); ++i) {
      Change& change = out_.changes[i];
      if (change.kind != ChangeKind::kAdded && change.kind != ChangeKind::kRemoved) continue;
      const bool added = change.kind == ChangeKind::kAdded;
      for (const auto& [text, endpoint] : added ? gone : fresh) {
        if (text == change.endpoint || !Covers(endpoints_[i], endpoint)) continue;
        change.kind = added ? ChangeKind::kWidened : ChangeKind::kNarrowed;
        change.related = text;
        break;
      }
    }
  }

  Side before_, after_;
  PolicyDiff out_;
  std::vector<Endpoint> endpoints_;  // of out_.changes, until they are sorted
  std::set<std::string> reported_;
  std::size_t inherited_ = 0;
};

}  // namespace

PolicyDiff Diff(const CompiledPolicy& before, const CompiledPolicy& after) { return Differ(before, after).Run(); }

std::string_view ChangeName(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kAdded: return "added";
    case ChangeKind::kWidened: return "widened";
    case ChangeKind::kNarrowed: return "narrowed";
    case ChangeKind::kRemoved: return "removed";
  }
  return "added";
}

}  // namespace weir::policy
