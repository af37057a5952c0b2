// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "bpf/abi.h"
#include "policy/merge.h"
#include "policy/wire.h"

namespace weir::policy {
namespace {

using Port = std::pair<std::uint8_t, std::uint16_t>;  // protocol, port; any port sorts first

// Bounds the work for one name; far above what can be folded into WEIR_NAME_PORTS by people.
constexpr std::size_t kMaxCollected = 1024;

// What rules say about one name or wildcard, before covering ones are merged in.
struct Pattern {
  std::map<Port, Grant> allows;
  std::map<Port, std::uint32_t> denies;
  std::uint32_t deny_all = 0;
};

std::string_view ParentName(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == name.npos ? std::string_view() : name.substr(dot + 1);
}

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
using Patterns = std::unordered_map<std::string, Pattern, StringHash, std::equal_to<>>;

class NameMerger {
 public:
  NameMerger(const std::vector<std::uint8_t>& any_protocols, const MergeFault& fault)
      : any_protocols_(any_protocols), fault_(fault) {}

  void Add(const MergeRule& rule) {
    const Endpoint& endpoint = *rule.endpoint;
    Pattern& pattern = (endpoint.host == HostKind::kWildcard ? below_ : exact_)[endpoint.name];
    if (rule.deny && endpoint.protocol == kAnyProtocol) {
      if (pattern.deny_all == 0) pattern.deny_all = rule.rule_id;
      return;
    }
    const auto protocols =
        endpoint.protocol == kAnyProtocol ? any_protocols_ : std::vector<std::uint8_t>{endpoint.protocol};
    for (const std::uint8_t protocol : protocols) {
      if (rule.deny)
        pattern.denies.emplace(Port{protocol, endpoint.port}, rule.rule_id);
      else
        pattern.allows[{protocol, endpoint.port}].Add({rule.processes, rule.rule_id});
    }
  }

  std::vector<NameRule> Run() const {
    std::vector<NameRule> merged;
    merged.reserve(exact_.size() + below_.size());
    for (const auto* patterns : {&exact_, &below_}) {
      for (const auto& [name, pattern] : *patterns) merged.push_back(Merge(name, pattern, patterns == &below_));
    }
    std::sort(merged.begin(), merged.end(), [](const NameRule& a, const NameRule& b) {
      return std::tie(a.wire, a.wildcard) < std::tie(b.wire, b.wildcard);
    });
    return merged;
  }

 private:
  // The patterns that cover a name, the most specific first: itself, then `*.` of each name above.
  std::vector<const Pattern*> Covering(std::string_view name, const Pattern& own) const {
    std::vector<const Pattern*> chain = {&own};
    for (name = ParentName(name); !name.empty(); name = ParentName(name)) {
      if (const auto found = below_.find(name); found != below_.end()) chain.push_back(&found->second);
    }
    return chain;
  }

  NameRule Merge(const std::string& name, const Pattern& own, bool wildcard) const {
    NameRule rule{ToWire(name), wildcard, false, 0, {}};
    const auto chain = Covering(name, own);
    for (const Pattern* pattern : chain) {
      if (pattern->deny_all == 0) continue;
      rule.deny = true;
      rule.rule_id = pattern->deny_all;
      return rule;
    }
    std::map<Port, Grant> ports;
    std::uint32_t denied_by = 0;
    for (const Pattern* pattern : chain) {
      for (const auto& [port, grant] : pattern->allows) {
        if (const std::uint32_t id = DeniedBy(chain, port))
          denied_by = id;
        else
          ports[port].Add(grant);
        if (rule.rule_id == 0 && !ports.empty()) rule.rule_id = grant.rule_id;
        if (ports.size() > kMaxCollected) return TooManyPorts(std::move(rule), name);
      }
    }
    FoldAnyPort(&ports);
    if (ports.size() > WEIR_NAME_PORTS) return TooManyPorts(std::move(rule), name);
    for (const auto& [port, grant] : ports) {
      rule.ports.push_back({grant.processes, grant.rule_id, port.second, port.first});
    }
    if (ports.empty()) {
      rule.deny = true;
      rule.rule_id = denied_by != 0 ? denied_by : own.denies.begin()->second;
    }
    return rule;
  }

  NameRule TooManyPorts(NameRule rule, const std::string& name) const {
    fault_(rule.rule_id,
           "more than " + std::to_string(WEIR_NAME_PORTS) + " ports for `" + (rule.wildcard ? "*." : "") + name +
               "`, counting those of wider rules",
           "allow any port (`:*`), or fewer");
    return rule;
  }

  // The deny rule that takes this port away; 0: none. The kernel's table cannot say "any port but one": that is a fault
  // rather than a hole or a denial that nobody wrote.
  std::uint32_t DeniedBy(const std::vector<const Pattern*>& chain, Port port) const {
    for (const Pattern* pattern : chain) {
      if (const auto all = pattern->denies.find({port.first, 0}); all != pattern->denies.end()) return all->second;
      const auto one = pattern->denies.lower_bound(port);
      if (one == pattern->denies.end() || one->first.first != port.first) continue;
      if (one->first == port) return one->second;
      if (port.second != 0 || !reported_.insert(one->second).second) continue;
      fault_(one->second, "denies one port of a name for which another rule allows any port",
             "allow the ports that are needed instead of `:*`, or deny the name without a port");
    }
    return 0;
  }

  // The kernel asks for the port first, then for any port: the entry of the port must say both.
  static void FoldAnyPort(std::map<Port, Grant>* ports) {
    for (auto entry = ports->begin(); entry != ports->end();) {
      const auto any = ports->find({entry->first.first, 0});
      if (any == ports->end() || any == entry) {
        ++entry;
        continue;
      }
      entry->second.Add(any->second);
      // An unbound any-port entry says all there is to say, and the table has few places.
      entry = any->second.processes == kAnyProcess ? ports->erase(entry) : std::next(entry);
    }
  }

  const std::vector<std::uint8_t>& any_protocols_;
  const MergeFault& fault_;
  Patterns exact_, below_;
  mutable std::set<std::uint32_t> reported_;
};

}  // namespace

std::vector<NameRule> MergeNames(const std::vector<MergeRule>& rules, const std::vector<std::uint8_t>& any_protocols,
                                 const MergeFault& fault) {
  NameMerger merger(any_protocols, fault);
  for (const MergeRule& rule : rules) {
    if (rule.endpoint->host != HostKind::kAddress) merger.Add(rule);
  }
  return merger.Run();
}

}  // namespace weir::policy
