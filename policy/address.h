// SPDX-License-Identifier: Apache-2.0
// Addresses as policy knows them: 128 bits, IPv4 as ::ffff:a.b.c.d (bpf/abi.h). Parsing is strict: one way to write an
// address, so that a reviewer and the kernel read the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/compiled.h"

namespace weir::policy {

inline constexpr std::uint8_t kMappedBits = 96;  ///< length of ::ffff:0:0/96

/// Four decimal numbers without leading zeros; nothing else that inet_aton would take.
[[nodiscard]] std::optional<Address> ParseIpv4(std::string_view text);

/// RFC 4291 2.2 without zone. Addresses that stand for IPv4 (mapped, NAT64) parse as they are written.
[[nodiscard]] std::optional<Address> ParseIpv6(std::string_view text);

/// Either family, without brackets.
[[nodiscard]] std::optional<Address> ParseAddress(std::string_view text);

/// IPv4 dotted for mapped addresses; else RFC 5952.
[[nodiscard]] std::string FormatAddress(const Address& address);

/// "10.0.0.0/8", "2001:db8::1": without the length for a single host. Bits count from the 128-bit form.
[[nodiscard]] std::string FormatPrefix(const Address& address, std::uint8_t prefix_bits);

[[nodiscard]] bool IsIpv4(const Address& address);
[[nodiscard]] bool IsNat64(const Address& address);  ///< 64:ff9b::/96, RFC 6052
/// A NAT64 address that is judged as the IPv4 address that it embeds (bpf/address.h): not one of 0.0.0.0/8 or
/// 127.0.0.0/8, because a packet to it leaves this host.
[[nodiscard]] bool IsJudgedAsIpv4(const Address& address);
[[nodiscard]] bool IsLoopback(const Address& address);  ///< 127.0.0.0/8, ::1
[[nodiscard]] Address Ipv4Of(const Address& nat64);     ///< what a NAT64 address embeds
[[nodiscard]] Address NetworkOf(const Address& address, std::uint8_t prefix_bits);

/// True when prefix a/a_bits contains b/b_bits.
[[nodiscard]] bool Contains(const Address& a, std::uint8_t a_bits, const Address& b, std::uint8_t b_bits);

}  // namespace weir::policy
