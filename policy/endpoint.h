// SPDX-License-Identifier: Apache-2.0
// One endpoint of an allow or deny list: `registry.example.org`, `*.example.org:443`, `10.20.0.0/16:5432`,
// `[2001:db8::/32]:443`, `time.example.org:123/udp`. The grammar stands in docs/policy.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compiled.h"
#include "policy/fault.h"

namespace weir::policy {

enum class ListKind { kAllow, kDeny };
enum class HostKind { kName, kWildcard, kAddress };

inline constexpr std::uint8_t kAnyProtocol = 0;
inline constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17, kDccp = 33, kIcmp6 = 58, kSctp = 132, kUdpLite = 136;
inline constexpr std::uint16_t kAnyPort = 0;

struct Endpoint {
  HostKind host = HostKind::kName;
  std::uint8_t protocol = kTcp;    ///< IANA number; kAnyProtocol implies kAnyPort
  std::uint16_t port = 443;        ///< host order; kAnyPort
  std::uint8_t prefix_bits = 128;  ///< of the 128-bit form; for addresses
  Address address{};               ///< network address; for addresses
  std::string name;                ///< A-labels, lower case, no trailing dot; for a wildcard the part below `*.`
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// Fault within one endpoint's text; `offset` in bytes from its start.
struct EndpointFault {
  std::size_t offset = 0;
  std::string reason;
  std::string suggestion;
  Severity severity = Severity::kError;
};

struct EndpointResult {
  std::optional<Endpoint> endpoint;  ///< set when there is no error; there may be warnings
  std::vector<EndpointFault> faults;
};

/// Without a port, an allow means 443/tcp and a deny means every port and protocol. Nothing is repaired silently: what
/// is not in the grammar is an error with the text that was probably meant.
[[nodiscard]] EndpointResult ParseEndpoint(std::string_view text, ListKind list);

/// `host:port/proto` in one canonical spelling that parses back to the same endpoint in either list.
[[nodiscard]] std::string FormatEndpoint(const Endpoint& endpoint);

/// Only the host part: `*.example.org`, `10.0.0.0/8`, `[2001:db8::1]`.
[[nodiscard]] std::string FormatHost(const Endpoint& endpoint);

/// `443`, `53/udp`, `*`, `*/any`.
[[nodiscard]] std::string FormatPort(std::uint16_t port, std::uint8_t protocol);

/// `tcp`, `udp`, … ; "any" for 0; the number in decimal for one that has no name here.
[[nodiscard]] std::string ProtocolName(std::uint8_t protocol);
[[nodiscard]] std::optional<std::uint8_t> ParseProtocol(std::string_view name);

/// Protocols without ports: rules for them say `*`.
[[nodiscard]] inline bool HasPorts(std::uint8_t protocol) { return protocol != kIcmp && protocol != kIcmp6; }

/// One word of the Action's input `allowed-endpoints` and the place where it stands there.
struct ListedEndpoint {
  std::string text;
  int line = 0;
  int column = 0;
};

/// Words separated by spaces, tabs and line ends; `#` at the start of a word begins a comment up to the end of the
/// line.
[[nodiscard]] std::vector<ListedEndpoint> ParseEndpointList(std::string_view text);

/// True when every (host, port, protocol) that `inner` names is named by `outer` too.
[[nodiscard]] bool Covers(const Endpoint& outer, const Endpoint& inner);
/// The same for hosts alone. Of two endpoints one covers the other's host, or they have no host in common.
[[nodiscard]] bool CoversHost(const Endpoint& outer, const Endpoint& inner);

}  // namespace weir::policy
