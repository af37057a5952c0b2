// SPDX-License-Identifier: Apache-2.0
#include "policy/address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "policy/text.h"

namespace weir::policy {
namespace {

constexpr Address kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
constexpr Address kNat64 = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
constexpr Address kLoopback6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

}  // namespace

std::optional<Address> ParseIpv4(std::string_view text) {
  const auto parts = Split(text, '.');
  if (parts.size() != 4) return std::nullopt;
  Address address = kMapped;
  for (std::size_t i = 0; i < 4; ++i) {
    const auto value = ParseNumber(parts[i], 255);
    if (!value) return std::nullopt;
    address[12 + i] = static_cast<std::uint8_t>(*value);
  }
  return address;
}

std::optional<Address> ParseIpv6(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find(':') == text.npos) return std::nullopt;
  Address address{};
  if (inet_pton(AF_INET6, std::string(text).c_str(), address.data()) != 1) return std::nullopt;
  return address;
}

std::optional<Address> ParseAddress(std::string_view text) {
  if (const auto ipv4 = ParseIpv4(text)) return ipv4;
  return ParseIpv6(text);
}

std::string FormatAddress(const Address& address) {
  char buffer[INET6_ADDRSTRLEN];
  const bool ipv4 = IsIpv4(address);
  inet_ntop(ipv4 ? AF_INET : AF_INET6, address.data() + (ipv4 ? 12 : 0), buffer, sizeof buffer);
  return buffer;
}

std::string FormatPrefix(const Address& address, std::uint8_t prefix_bits) {
  if (prefix_bits == 128) return FormatAddress(address);
  const int bits = IsIpv4(address) && prefix_bits >= kMappedBits ? prefix_bits - kMappedBits : prefix_bits;
  return FormatAddress(address) + "/" + std::to_string(bits);
}

bool IsIpv4(const Address& address) { return std::equal(kMapped.begin(), kMapped.begin() + 12, address.begin()); }

bool IsNat64(const Address& address) { return std::equal(kNat64.begin(), kNat64.begin() + 12, address.begin()); }

bool IsJudgedAsIpv4(const Address& address) { return IsNat64(address) && address[12] != 0 && address[12] != 127; }

bool IsLoopback(const Address& address) { return IsIpv4(address) ? address[12] == 127 : address == kLoopback6; }

Address Ipv4Of(const Address& nat64) {
  Address address = kMapped;
  std::copy(nat64.begin() + 12, nat64.end(), address.begin() + 12);
  return address;
}

Address NetworkOf(const Address& address, std::uint8_t prefix_bits) {
  Address network = address;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned first = i * 8;
    if (first >= prefix_bits)
      network[i] = 0;
    else if (first + 8 > prefix_bits)
      network[i] &= static_cast<std::uint8_t>(0xff00u >> (prefix_bits - first));
  }
  return network;
}

bool Contains(const Address& a, std::uint8_t a_bits, const Address& b, std::uint8_t b_bits) {
  return a_bits <= b_bits && NetworkOf(b, a_bits) == NetworkOf(a, a_bits);
}

}  // namespace weir::policy
