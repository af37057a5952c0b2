// SPDX-License-Identifier: Apache-2.0
// Addresses and prefixes as hosts of endpoints.
#include <algorithm>
#include <array>
#include <bit>

#include "policy/address.h"
#include "policy/host.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

struct Metadata {
  std::string_view address;
  std::string_view owner;
};

// Services that hand credentials of the machine to whoever asks.
constexpr std::array<Metadata, 5> kMetadata = {{{"169.254.169.254", "the cloud metadata service"},
                                                {"169.254.170.2", "the container credential service"},
                                                {"168.63.129.16", "the cloud platform's host agent"},
                                                {"100.100.100.200", "the cloud metadata service"},
                                                {"fd00:ec2::254", "the cloud metadata service"}}};

void WarnAboutReach(const Endpoint& endpoint, const HostContext& context) {
  if (context.list == ListKind::kDeny) return;
  const bool ipv4 = IsIpv4(endpoint.address) && endpoint.prefix_bits >= kMappedBits;
  if (endpoint.prefix_bits == (ipv4 ? kMappedBits : 0)) {
    context.Warn(0, std::string(ipv4 ? "0.0.0.0/0" : "::/0") + " allows every address of the internet",
                 "name the hosts that the job needs; `weir policy suggest` writes the list from an audited run");
    return;
  }
  for (const Metadata& service : kMetadata) {
    const auto address = ParseAddress(service.address);
    if (!Contains(endpoint.address, endpoint.prefix_bits, *address, 128)) continue;
    context.Warn(0, "allows " + std::string(service.address) + ", " + std::string(service.owner),
                 "remove the rule, or deny " + std::string(service.address) +
                     ": whoever reaches it can take the machine's credentials");
  }
}

std::optional<int> BitsOfNetmask(std::string_view text) {
  const auto mask = ParseIpv4(text);
  if (!mask) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = 12; i < 16; ++i) value = value << 8 | (*mask)[i];
  const int bits = std::countl_one(value);
  return bits == 32 || value << bits == 0 ? std::optional(bits) : std::nullopt;
}

// The text after the slash. nullopt: a fault was added.
std::optional<std::uint8_t> ParsePrefixLength(std::string_view host, std::size_t slash, std::uint64_t max,
                                              const HostContext& context) {
  const std::string_view text = host.substr(slash + 1);
  if (const auto bits = ParseNumber(text, max)) return static_cast<std::uint8_t>(*bits);
  const std::string limits = "a prefix length is a number from 0 to " + std::to_string(max);
  std::string suggestion =
      limits + ", such as `" + std::string(host.substr(0, slash)) + "/" + std::to_string(max == 32 ? 24 : 64) + "`";
  if (const auto bits = BitsOfNetmask(text); bits && max == 32) {
    // The network, for bits behind the prefix would be the next fault.
    const Address network =
        NetworkOf(*ParseIpv4(host.substr(0, slash)), static_cast<std::uint8_t>(kMappedBits + *bits));
    suggestion = "write the length of the mask: `" + FormatAddress(network) + "/" + std::to_string(*bits) + "`";
  } else if (const auto protocol = ParseProtocol(Lower(text))) {
    suggestion = "a protocol follows a port: `" + std::string(host.substr(0, slash)) + ":" +
                 (HasPorts(*protocol) && *protocol != kAnyProtocol ? "PORT" : "*") + "/" + Lower(text) + "`";
  }
  context.Error(slash + 1, "`" + Printable(text) + "` is not a prefix length", suggestion);
  return std::nullopt;
}

bool SetPrefix(const Address& address, std::uint8_t bits, std::string_view host, const HostContext& context,
               Endpoint* endpoint) {
  const Address network = NetworkOf(address, bits);
  if (network != address) {
    const bool ipv6 = !IsIpv4(address);
    const std::string suggested = FormatPrefix(network, bits), exact = FormatAddress(address);
    const auto bracketed = [&](const std::string& text) { return ipv6 ? "[" + text + "]" : text; };
    context.Error(0, "`" + Printable(host) + "` has bits set behind the prefix",
                  "write the network, `" + bracketed(suggested) + std::string(context.port_text) +
                      "`, or the one host, `" + bracketed(exact) + std::string(context.port_text) + "`");
    return false;
  }
  endpoint->host = HostKind::kAddress;
  endpoint->address = address;
  endpoint->prefix_bits = bits;
  WarnAboutReach(*endpoint, context);
  return true;
}

}  // namespace

bool ParseIpv4Host(std::string_view host, const HostContext& context, Endpoint* endpoint) {
  const std::size_t slash = host.find('/');
  const std::string_view text = host.substr(0, slash);
  const auto address = ParseIpv4(text);
  if (!address) {
    context.Error(0,
                  "`" + Printable(text) + "` is not an IPv4 address in the one form that is read the same everywhere",
                  "write four decimal numbers from 0 to 255 without leading zeros, such as `192.0.2.10`; octal, "
                  "hexadecimal and short forms are refused");
    return false;
  }
  std::uint8_t bits = 128;
  if (slash != host.npos) {
    const auto length = ParsePrefixLength(host, slash, 32, context);
    if (!length) return false;
    bits = static_cast<std::uint8_t>(kMappedBits + *length);
  }
  return SetPrefix(*address, bits, host, context, endpoint);
}

bool ParseIpv6Host(std::string_view host, const HostContext& context, Endpoint* endpoint) {
  if (const std::size_t zone = host.find('%'); zone != host.npos) {
    context.Error(zone, "a zone id (`" + Printable(host.substr(zone)) + "`) has no meaning outside one host",
                  "remove it: `[" + Printable(host.substr(0, zone)) + "]" + std::string(context.port_text) + "`");
    return false;
  }
  const std::size_t slash = host.find('/');
  const std::string_view text = host.substr(0, slash);
  const auto address = ParseIpv6(text);
  if (!address) {
    const bool ipv4 = ParseIpv4(text).has_value();
    context.Error(0, "`" + Printable(text) + "` is not an IPv6 address",
                  ipv4 ? "brackets are for IPv6; write `" + std::string(host) + std::string(context.port_text) + "`"
                       : "write it as in `[2001:db8::1]:443` or `[2001:db8::/32]:443`");
    return false;
  }
  std::uint8_t bits = 128;
  if (slash != host.npos) {
    const auto length = ParsePrefixLength(host, slash, 128, context);
    if (!length) return false;
    bits = *length;
  }
  // The kernel judges both forms by the IPv4 address, so a rule in this spelling would name something else.
  if (bits >= kMappedBits && (IsIpv4(*address) || IsNat64(*address))) {
    const Address ipv4 = IsIpv4(*address) ? *address : Ipv4Of(*address);
    context.Error(0, "`" + Printable(host) + "` stands for an IPv4 address and is judged as that",
                  "write `" + FormatPrefix(NetworkOf(ipv4, bits), bits) + std::string(context.port_text) + "`");
    return false;
  }
  return SetPrefix(*address, bits, host, context, endpoint);
}

bool EndsInNumber(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') == host.npos ? 0 : host.rfind('.') + 1);
  if (last.empty()) return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::all_of(last.begin(), last.end(), is_digit)) return true;
  return last.size() >= 2 && last[0] == '0' && (last[1] == 'x' || last[1] == 'X') &&
         last.find_first_not_of("0123456789abcdefABCDEF", 2) == last.npos;
}

}  // namespace weir::policy
