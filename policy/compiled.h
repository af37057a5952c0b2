// SPDX-License-Identifier: Apache-2.0
// What a policy means, flattened for the kernel's tables. Pure values; the sensor turns them into map entries.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir::policy {

enum class Mode : std::uint8_t { kAudit = 1, kBlock = 2 };

/// 16 bytes, network order; IPv4 as ::ffff:a.b.c.d; NAT64 (64:ff9b::/96) addresses as the IPv4 address they embed.
using Address = std::array<std::uint8_t, 16>;

/// Mask over CompiledPolicy::process_sets; all ones: any executable.
using ProcessMask = std::uint64_t;
inline constexpr ProcessMask kAnyProcess = ~ProcessMask{0};

/// One merged address rule. Wider rules are already folded into narrower ones, so the longest match alone decides.
/// port 0: any port; protocol 0: any protocol.
struct AddressRule {
  bool deny = false;
  std::uint8_t protocol = 0;       ///< IANA number
  std::uint16_t port = 0;          ///< host order
  std::uint8_t prefix_bits = 128;  ///< of the 128-bit form
  Address address{};
  ProcessMask processes = kAnyProcess;
  std::uint32_t rule_id = 0;  ///< 1-based index into CompiledPolicy::rules
  friend bool operator==(const AddressRule&, const AddressRule&) = default;
};

struct NamePort {
  ProcessMask processes = kAnyProcess;
  std::uint32_t rule_id = 0;
  std::uint16_t port = 0;  ///< host order; 0: any
  std::uint8_t protocol = 0;
  friend bool operator==(const NamePort&, const NamePort&) = default;
};

/// One name or wildcard with everything that covers it merged in: only the most specific entry is consulted.
struct NameRule {
  std::string wire;             ///< RFC 1035 wire form, lower case, with root label; for a wildcard the part below `*.`
  bool wildcard = false;        ///< any depth below `wire`, not `wire` itself
  bool deny = false;            ///< lookups are refused; `ports` is empty
  std::uint32_t rule_id = 0;    ///< that decides about the lookup
  std::vector<NamePort> ports;  ///< at most 8
  friend bool operator==(const NameRule&, const NameRule&) = default;
};

/// Executables of one distinct `process:` list; its index is the bit in a ProcessMask (at most 63 lists).
struct ProcessSet {
  std::vector<std::string> paths;  ///< absolute; resolved to device and inode by the sensor at job begin
  std::vector<std::string> names;  ///< file name of the executable, at most 59 bytes
  friend bool operator==(const ProcessSet&, const ProcessSet&) = default;
};

/// A rule as people see it; index + 1 is the rule_id everywhere.
struct RuleInfo {
  std::string text;  ///< endpoint as written, e.g. "*.example.org:443"
  bool deny = false;
  std::string file;
  int line = 0;        ///< 1-based
  int column = 0;      ///< 1-based
  std::string reason;  ///< `reason:` of the rule; may be empty
  std::string owner;
  std::string expires;   ///< YYYY-MM-DD, last day; may be empty
  bool expired = false;  ///< kept for explanations; no entry comes from it
  ProcessMask processes = kAnyProcess;
  friend bool operator==(const RuleInfo&, const RuleInfo&) = default;
};

/// Kinds of sockets that the policy admits besides TCP, MPTCP and UDP. Bits are WEIR_KIND_* of bpf/abi.h.
using SocketKinds = std::uint32_t;

enum class OnDeny : std::uint8_t { kReport, kFail };

/// What happens to processes that outlive their job. Either way they are named.
enum class Leftovers : std::uint8_t { kReport, kKill };

struct CompiledPolicy {
  Mode mode = Mode::kBlock;
  OnDeny on_deny = OnDeny::kReport;
  Leftovers leftovers = Leftovers::kReport;
  std::vector<AddressRule> addresses;
  std::vector<NameRule> names;
  std::vector<ProcessSet> process_sets;
  std::vector<RuleInfo> rules;
  SocketKinds kinds = 0;
  bool system_resolvers = true;                ///< dns.resolvers contains `system`
  std::map<std::string, std::string> guard;    ///< class -> deny | report | allow; only what the policy says
  std::map<std::string, std::string> sockets;  ///< path of a unix socket -> deny | allow; only what the policy says
  std::vector<Address> resolvers;              ///< further trusted resolvers
  std::uint64_t learned_max_seconds = 0;       ///< dns.max_age; 0: for the job
  bool loopback = true;                        ///< false when a deny rule covers all of loopback
  std::string canonical_text;                  ///< normalised YAML of the effective policy
  std::string digest;                          ///< "sha256:" + hex of canonical_text
};

}  // namespace weir::policy
