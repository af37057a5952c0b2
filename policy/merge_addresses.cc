// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <tuple>

#include "policy/address.h"
#include "policy/merge.h"

namespace weir::policy {
namespace {

// Entries that stand for no single rule: an any-port rule inside a prefix that has entries for single ports must be
// repeated for those ports, because the kernel asks for the port first. Only rules bound to executables need it.
constexpr std::size_t kMaxSynthetic = 262'144;
constexpr std::size_t kMaxWork = 50'000'000;

// Which packets: (protocol, port), (protocol, any), (any, any). Sorts wide before narrow within a protocol.
struct Class {
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  friend auto operator<=>(const Class&, const Class&) = default;
  [[nodiscard]] bool Covers(const Class& other) const {
    return protocol == 0 || (protocol == other.protocol && (port == 0 || port == other.port));
  }
};

struct Input {
  Address address{};
  std::uint8_t bits = 0;
  Class which;
  Grant grant;
};

// IPv6 prefixes shorter than ::ffff:0:0/96 contain all of IPv4 in the 128-bit form. `::/0` means IPv6, so it becomes
// the prefixes beside IPv4: for each bit behind its length, the half that leads away.
void AddInput(const MergeRule& rule, std::vector<Input>* inputs) {
  const Endpoint& endpoint = *rule.endpoint;
  Input input{
      endpoint.address, endpoint.prefix_bits, {endpoint.protocol, endpoint.port}, {rule.processes, rule.rule_id}};
  Address mapped{};
  mapped[10] = mapped[11] = 0xff;
  if (input.bits >= kMappedBits || !Contains(input.address, input.bits, mapped, kMappedBits)) {
    inputs->push_back(input);
    return;
  }
  for (unsigned bit = endpoint.prefix_bits; bit < kMappedBits; ++bit) {
    input.bits = static_cast<std::uint8_t>(bit + 1);
    input.address = mapped;
    input.address[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
    input.address = NetworkOf(input.address, input.bits);
    inputs->push_back(input);
  }
}

// Walks the prefixes of one table from wide to narrow, like a trie, with the entries that are in force on the way down.
class Folder {
 public:
  Folder(bool deny, const MergeFault& fault) : deny_(deny), fault_(fault) {}

  std::vector<AddressRule> Run(std::vector<Input> inputs) && {
    std::stable_sort(inputs.begin(), inputs.end(), [](const Input& a, const Input& b) {
      return std::tie(a.address, a.bits) < std::tie(b.address, b.bits);
    });
    bound_ = std::any_of(inputs.begin(), inputs.end(),
                         [](const Input& input) { return input.grant.processes != kAnyProcess; });
    for (std::size_t i = 0; i < inputs.size();) {
      const Input& first = inputs[i];
      while (!path_.empty() && !Contains(path_.back().address, path_.back().bits, first.address, first.bits)) Leave();
      Node node{first.address, first.bits, {}};
      for (; i < inputs.size() && inputs[i].address == node.address && inputs[i].bits == node.bits; ++i) {
        node.entries[inputs[i].which].Add(inputs[i].grant);
      }
      Enter(std::move(node));
    }
    return std::move(out_);
  }

 private:
  struct Node {
    Address address{};
    std::uint8_t bits = 0;
    std::map<Class, Grant> entries;
  };

  void Enter(Node node) {
    for (auto& [which, grant] : node.entries) FoldWider(node, which, &grant);
    if (bound_) AddSynthetic(&node);
    for (const auto& [which, grant] : node.entries) {
      above_[which].push_back(grant);
      out_.push_back({deny_, which.protocol, which.port, node.bits, node.address, grant.processes, grant.rule_id});
    }
    path_.push_back(std::move(node));
  }

  void Leave() {
    for (const auto& [which, grant] : path_.back().entries) {
      const auto above = above_.find(which);
      above->second.pop_back();
      if (above->second.empty()) above_.erase(above);
    }
    path_.pop_back();
  }

  // Adds what covers (node, which): the same class above, and wider classes here and above. Wide classes come first in
  // the map, so those of this node are complete.
  void FoldWider(const Node& node, Class which, Grant* grant) const {
    AddAbove(which, grant);
    for (const Class& wider : {Class{which.protocol, 0}, Class{0, 0}}) {
      if (wider == which) continue;
      if (const auto here = node.entries.find(wider); here != node.entries.end()) grant->Add(here->second);
      AddAbove(wider, grant);
    }
  }

  void AddAbove(Class which, Grant* grant) const {
    if (const auto above = above_.find(which); above != above_.end()) grant->Add(above->second.back());
  }

  void AddSynthetic(Node* node) {
    std::map<Class, Grant> wide;
    for (const auto& entry : node->entries) {
      if (entry.first.port == 0) wide.insert(entry);
    }
    if (wide.empty()) return;
    for (const auto& [which, above] : above_) {
      if (++work_ > kMaxWork || synthetic_ > kMaxSynthetic) return Overflow(wide.begin()->second.rule_id);
      if (node->entries.contains(which)) continue;
      // The kernel's first hit would be this node's own wide entry for a single host, and the entry above for a prefix.
      Grant whole;
      for (auto entry = wide.rbegin(); entry != wide.rend(); ++entry) {
        if (entry->first.Covers(which)) whole.Add(entry->second);
      }
      if (whole.processes == 0) continue;
      const ProcessMask first_hit = node->bits == 128 ? whole.processes : above.back().processes;
      FoldWider(*node, which, &whole);
      if (whole.processes == first_hit) continue;
      node->entries[which] = whole;
      ++synthetic_;
    }
  }

  void Overflow(std::uint32_t rule_id) {
    if (!overflowed_) {
      fault_(rule_id, "too many any-port rules inside prefixes with rules for single ports and executables",
             "give these rules ports, or remove `process` from the wider ones");
    }
    overflowed_ = true;
  }

  bool deny_;
  const MergeFault& fault_;
  bool bound_ = false, overflowed_ = false;
  std::size_t work_ = 0, synthetic_ = 0;
  std::vector<Node> path_;                     // prefixes that contain the current one
  std::map<Class, std::vector<Grant>> above_;  // their entries, the narrowest last
  std::vector<AddressRule> out_;
};

}  // namespace

std::vector<AddressRule> MergeAddresses(const std::vector<MergeRule>& rules, const MergeFault& fault) {
  std::vector<AddressRule> merged;
  for (const bool deny : {true, false}) {
    std::vector<Input> inputs;
    for (const MergeRule& rule : rules) {
      if (rule.endpoint->host == HostKind::kAddress && rule.deny == deny) AddInput(rule, &inputs);
    }
    std::vector<AddressRule> table = Folder(deny, fault).Run(std::move(inputs));
    merged.insert(merged.end(), table.begin(), table.end());
  }
  return merged;
}

}  // namespace weir::policy
