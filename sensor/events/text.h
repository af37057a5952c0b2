// SPDX-License-Identifier: Apache-2.0
// Addresses, names, types and other numbers of records as text. Results are ASCII or valid UTF-8, whatever a job sent.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sensor/events/event.h"

namespace weir::events {

/// "192.0.2.1" for IPv4-mapped addresses, else IPv6 by RFC 5952 (lower case, longest run of zeros shortened). Empty for
/// the all-zero address: none.
[[nodiscard]] std::string AddressText(const Address& address);

/// Wire form (RFC 1035 3.1) to text without the last dot; "." for the root. Inside a label `.` and `\` get a backslash
/// and bytes outside 0x21–0x7e become \DDD (RFC 4343 2.1). Stops at the first byte that is not a well-formed label.
[[nodiscard]] std::string NameText(std::string_view wire);

/// The well-formed beginning of a zero-padded wire name, with its root label if it has one. Never reads past `padded`.
[[nodiscard]] std::string WireName(std::span<const std::uint8_t> padded);

/// "A", "AAAA", "HTTPS" …, or "TYPE123" (RFC 3597 5).
[[nodiscard]] std::string QueryTypeText(std::uint16_t type);

/// "tcp", "udp" …, or the number in decimal.
[[nodiscard]] std::string ProtocolText(std::uint8_t protocol);

/// family << 24 | type << 16 | protocol as "inet/raw/icmp"; empty for 0.
[[nodiscard]] std::string SocketKindText(std::uint32_t socket_kind);

/// The bytes before the first NUL. Hostile bytes stay as they are.
[[nodiscard]] std::string_view CommText(const Comm& comm);

/// `text` itself when it is valid UTF-8 (RFC 3629), else with each byte that is not as \xNN. For `string` fields of
/// protobuf, whose parser refuses the whole message otherwise.
[[nodiscard]] std::string Utf8(std::string_view text);

}  // namespace weir::events
