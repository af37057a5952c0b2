// SPDX-License-Identifier: Apache-2.0
// Evaluates a compiled policy in the kernel's order (bpf/decide.bpf.h). The reference that tests hold the kernel
// against.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/compiled.h"

namespace weir::policy {

/// What the rules say; the mode decides what happens then.
struct Decision {
  bool allowed = false;
  std::string_view why;       ///< rule cidr name loopback | deny-rule no-rule process dns-name
  std::uint32_t rule_id = 0;  ///< 0: no rule spoke
  ProcessMask processes = 0;  ///< executables of the rule that spoke; kAnyProcess when it is not bound
  friend bool operator==(const Decision&, const Decision&) = default;
};

/// "allow", "deny", or in audit mode "would-deny".
[[nodiscard]] std::string_view VerdictName(Mode mode, bool allowed);

/// Immutable after construction; any thread. The policy must outlive it and stay unchanged.
class Matcher {
 public:
  explicit Matcher(const CompiledPolicy& policy);

  /// A destination by address rules alone, without what DNS taught. `processes`: of the task, from ProcessesOf().
  [[nodiscard]] Decision Decide(const Address& address, std::uint16_t port, std::uint8_t protocol,
                                ProcessMask processes) const;

  /// What holds for all of a prefix, but for what longer prefixes say. Port and protocol may be "any".
  [[nodiscard]] Decision DecidePrefix(const Address& network, std::uint8_t prefix_bits, std::uint16_t port,
                                      std::uint8_t protocol, ProcessMask processes) const;

  /// The one entry that speaks for a name (wire form, lower case, with root label); null: none.
  [[nodiscard]] const NameRule* MatchName(std::string_view wire) const;

  /// The one entry that speaks for names below `wire`, but for what more specific entries say.
  [[nodiscard]] const NameRule* MatchBelow(std::string_view wire) const;

  /// Lookup of a name, then a connect to an address of its answer.
  [[nodiscard]] Decision DecideName(std::string_view wire, std::uint16_t port, std::uint8_t protocol,
                                    ProcessMask processes) const;
  /// The same for an entry found before; null: no entry.
  [[nodiscard]] static Decision DecideEntry(const NameRule* entry, std::uint16_t port, std::uint8_t protocol,
                                            ProcessMask processes);

  /// The lists that an executable is on. `executable`: absolute path, or only its name.
  [[nodiscard]] ProcessMask ProcessesOf(std::string_view executable) const;

  /// Executables of the lists in `mask`, sorted; empty for kAnyProcess.
  [[nodiscard]] std::vector<std::string> Executables(ProcessMask mask) const;

 private:
  struct Key {
    bool deny = false;
    std::uint8_t protocol = 0, prefix_bits = 0;
    std::uint16_t port = 0;
    Address address{};
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };

  const AddressRule* Find(const Key& key) const;
  const AddressRule* FindExact(bool deny, const Key& target) const;
  const AddressRule* FindLongest(bool deny, const Key& target) const;

  const CompiledPolicy& policy_;
  std::unordered_map<Key, const AddressRule*, KeyHash> addresses_;
  std::bitset<129> lengths_[2];  ///< prefix lengths in use, by table
  std::unordered_map<std::string_view, const NameRule*> exact_, below_;
};

/// For single questions; a Matcher answers many.
[[nodiscard]] Decision Decide(const CompiledPolicy& policy, const Address& address, std::uint16_t port,
                              std::uint8_t protocol, ProcessMask processes);
[[nodiscard]] const NameRule* MatchName(const CompiledPolicy& policy, std::string_view wire);

}  // namespace weir::policy
