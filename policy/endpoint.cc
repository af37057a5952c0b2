// SPDX-License-Identifier: Apache-2.0
#include "policy/endpoint.h"

#include <algorithm>
#include <array>

#include "policy/address.h"
#include "policy/host.h"
#include "policy/suffix.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

constexpr std::size_t kMaxEndpointBytes = 1024;

struct NamedProtocol {
  std::string_view name;
  std::uint8_t number;
};

constexpr std::array<NamedProtocol, 8> kProtocols = {{{"tcp", kTcp},
                                                      {"udp", kUdp},
                                                      {"sctp", kSctp},
                                                      {"udplite", kUdpLite},
                                                      {"dccp", kDccp},
                                                      {"icmp", kIcmp},
                                                      {"icmp6", kIcmp6},
                                                      {"any", kAnyProtocol}}};

std::vector<std::string_view> ProtocolNames() {
  std::vector<std::string_view> names;
  for (const NamedProtocol& protocol : kProtocols) names.push_back(protocol.name);
  return names;
}

class Parser {
 public:
  Parser(std::string_view text, ListKind list) : text_(text), list_(list) {}

  EndpointResult Run() && {
    Endpoint endpoint;
    if (list_ == ListKind::kDeny) endpoint.port = kAnyPort, endpoint.protocol = kAnyProtocol;
    if (CheckText() && CheckUrl() && SplitHost() && ParsePort(&endpoint) && ParseHost(&endpoint) &&
        CheckIcmpFamily(endpoint)) {
      result_.endpoint = std::move(endpoint);
    }
    return std::move(result_);
  }

 private:
  bool Error(std::size_t at, std::string reason, std::string suggestion) {
    result_.faults.push_back({at, std::move(reason), std::move(suggestion), Severity::kError});
    return false;
  }

  bool CheckText() {
    if (text_.empty()) return Error(0, "an empty endpoint", "write a host, such as `example.org:443`, or remove it");
    if (text_.size() > kMaxEndpointBytes) {
      return Error(0, "an endpoint of " + std::to_string(text_.size()) + " bytes",
                   "endpoints are hosts: at most " + std::to_string(kMaxEndpointBytes) + " bytes");
    }
    for (std::size_t i = 0; i < text_.size();) {
      const auto point = DecodeUtf8(text_, i);
      if (!point || IsDeceptive(point->value) || point->value == '\n') {
        return Error(i, "a control character, invisible character or invalid UTF-8", "type the endpoint anew");
      }
      i += point->bytes;
    }
    if (const std::size_t at = text_.find_first_of(" ,;"); at != text_.npos) {
      return Error(at, "more than one endpoint in one item", "write each endpoint as an item of its own");
    }
    return true;
  }

  bool CheckUrl() {
    if (const std::size_t at = text_.find("://"); at != text_.npos) {
      const std::string_view scheme = text_.substr(0, at);
      std::string_view host = text_.substr(at + 3);
      host = host.substr(0, host.find_first_of("/?#"));
      if (const std::size_t user = host.rfind('@'); user != host.npos) host.remove_prefix(user + 1);
      const bool has_port = host.find(':', host.find(']') == host.npos ? 0 : host.find(']')) != host.npos;
      const std::string port = has_port || host.empty() ? "" : Lower(scheme) == "http" ? ":80" : ":443";
      return Error(0, "a URL; rules name hosts, because a kernel sees no scheme and no path",
                   "write `" + (host.empty() ? "example.org:443" : Printable(host)) + port + "`");
    }
    if (const std::size_t at = text_.find('@'); at != text_.npos) {
      return Error(at, "a user name", "write only the host: `" + Printable(text_.substr(at + 1)) + "`");
    }
    return true;
  }

  // Finds host_ and port_text_ (with its colon).
  bool SplitHost() {
    if (text_.front() == '[') return SplitBracketed();
    const std::size_t colon = text_.find(':');
    if (colon != text_.npos && text_.find(':', colon + 1) != text_.npos) {
      const std::string_view address = text_.substr(0, text_.find_first_of("/%"));
      if (ParseIpv6(address)) {
        return Error(
            0, "an IPv6 address without brackets: where the port begins cannot be told",
            // Without a zone, which would be the next fault.
            "write `[" + Printable(text_.substr(0, text_.find('%'))) + "]`, in quotes, and the port behind it");
      }
      return Error(text_.find(':', colon + 1), "a second colon", "write `host:port`, or `[address]:port` for IPv6");
    }
    host_ = text_.substr(0, colon);
    if (colon != text_.npos) port_text_ = text_.substr(colon);
    if (host_.empty())
      return Error(0, "a port without a host", "write the host in front: `example.org" + Printable(port_text_) + "`");
    return CheckSlash();
  }

  bool SplitBracketed() {
    const std::size_t close = text_.find(']');
    if (close == text_.npos) return Error(0, "`[` without `]`", "write an IPv6 endpoint as `[2001:db8::1]:443`");
    host_ = text_.substr(1, close - 1);
    host_offset_ = 1;
    port_text_ = text_.substr(close + 1);
    if (port_text_.empty() || port_text_.front() == ':') return true;
    if (port_text_.front() == '/') {
      const std::string_view length = port_text_.substr(0, port_text_.find(':'));
      return Error(
          close + 1, "the prefix length stands outside the brackets",
          "write `[" + Printable(host_) + Printable(length) + "]" + Printable(port_text_.substr(length.size())) + "`");
    }
    return Error(close + 1, "text behind `]` that is not a port", "write `[2001:db8::1]:443`");
  }

  // A slash in the host belongs to an IPv4 prefix; else it is a path or a misplaced protocol.
  bool CheckSlash() {
    const std::size_t slash = host_.find('/');
    if (slash == host_.npos || EndsInNumber(host_.substr(0, slash))) return true;
    const std::string host = Printable(host_.substr(0, slash));
    const std::string behind = Lower(host_.substr(slash + 1));
    if (const auto protocol = ParseProtocol(behind)) {
      return Error(slash, "a protocol without a port",
                   "write `" + host + ":" + (HasPorts(*protocol) && *protocol != kAnyProtocol ? "PORT" : "*") + "/" +
                       behind + "`");
    }
    return Error(slash, "a path; a kernel sees hosts and ports", "write `" + host + Printable(port_text_) + "`");
  }

  bool ParseHost(Endpoint* endpoint) {
    const HostContext context{&result_, list_, host_offset_, port_text_};
    if (text_.front() == '[') return ParseIpv6Host(host_, context, endpoint);
    const std::string_view before_slash = host_.substr(0, host_.find('/'));
    const bool numeric = EndsInNumber(before_slash) && before_slash.find('*') == before_slash.npos;
    return numeric ? ParseIpv4Host(host_, context, endpoint) : ParseNameHost(host_, context, endpoint);
  }

  bool ParsePort(Endpoint* endpoint) {
    if (port_text_.empty()) return true;
    const std::size_t at = text_.size() - port_text_.size() + 1;
    const std::size_t slash = port_text_.find('/');
    const std::string_view port = port_text_.substr(1, slash == port_text_.npos ? port_text_.npos : slash - 1);
    endpoint->protocol = kTcp;
    if (slash != port_text_.npos && !ParseProtocolText(at + slash, port_text_.substr(slash + 1), endpoint))
      return false;
    if (port == "*") {
      endpoint->port = kAnyPort;
      return true;
    }
    const auto number = ParseNumber(port, 65535);
    if (!number || *number == 0) return PortError(at, port);
    if (!HasPorts(endpoint->protocol) || endpoint->protocol == kAnyProtocol) {
      const std::string name = ProtocolName(endpoint->protocol);
      return Error(
          at, endpoint->protocol == kAnyProtocol ? "a port number needs one protocol" : "`" + name + "` has no ports",
          endpoint->protocol == kAnyProtocol ? "write a rule for each protocol, such as `:" + std::string(port) +
                                                   "/tcp` and `:" + std::string(port) + "/udp`"
                                             : "write `:*/" + name + "`");
    }
    endpoint->port = static_cast<std::uint16_t>(*number);
    return true;
  }

  bool PortError(std::size_t at, std::string_view port) {
    const std::string shown = "`" + Printable(port) + "`";
    if (port.empty()) return Error(at, "a colon without a port", "write a port from 1 to 65535, or `*` for any");
    if (port.find('-') != port.npos && port.find_first_not_of("0123456789-") == port.npos) {
      return Error(at, shown + " is a range of ports", "write a rule for each port, or `:*` for any port");
    }
    const std::size_t digits = port.find_first_not_of('0');
    if (digits != 0 && digits != port.npos && ParseNumber(port.substr(digits), 65535)) {
      return Error(at, shown + " has leading zeros", "write `:" + std::string(port.substr(digits)) + "`");
    }
    return Error(at, shown + " is not a port", "ports are numbers from 1 to 65535; `:*` is any port");
  }

  bool ParseProtocolText(std::size_t at, std::string_view text, Endpoint* endpoint) {
    const auto protocol = ParseProtocol(text);
    if (protocol) {
      endpoint->protocol = *protocol;
      return true;
    }
    const auto names = ProtocolNames();
    const std::string near = Nearest(text, names);
    return Error(at, "`" + Printable(text) + "` is not a protocol (and an endpoint has no path)",
                 (near.empty() ? "" : "did you mean `" + near + "`? ") + "Known are " + Enumerate(names));
  }

  // ICMP and ICMPv6 are two protocols; a rule that can never match is a mistake.
  bool CheckIcmpFamily(const Endpoint& endpoint) {
    if (endpoint.host != HostKind::kAddress || HasPorts(endpoint.protocol)) return true;
    const bool ipv4 = IsIpv4(endpoint.address) && endpoint.prefix_bits >= kMappedBits;
    if (ipv4 == (endpoint.protocol == kIcmp)) return true;
    return Error(0, "`" + ProtocolName(endpoint.protocol) + "` does not exist for this family of addresses",
                 std::string("write `:*/") + (ipv4 ? "icmp`" : "icmp6`"));
  }

  std::string_view text_, host_, port_text_;
  std::size_t host_offset_ = 0;
  ListKind list_;
  EndpointResult result_;
};

}  // namespace

EndpointResult ParseEndpoint(std::string_view text, ListKind list) { return Parser(text, list).Run(); }

std::string ProtocolName(std::uint8_t protocol) {
  for (const NamedProtocol& known : kProtocols) {
    if (known.number == protocol) return std::string(known.name);
  }
  return std::to_string(protocol);
}

std::optional<std::uint8_t> ParseProtocol(std::string_view name) {
  for (const NamedProtocol& known : kProtocols) {
    if (known.name == name) return known.number;
  }
  return std::nullopt;
}

std::string FormatHost(const Endpoint& endpoint) {
  if (endpoint.host == HostKind::kName) return endpoint.name;
  if (endpoint.host == HostKind::kWildcard) return "*." + endpoint.name;
  const std::string prefix = FormatPrefix(endpoint.address, endpoint.prefix_bits);
  return prefix.find(':') == prefix.npos ? prefix : "[" + prefix + "]";
}

std::string FormatPort(std::uint16_t port, std::uint8_t protocol) {
  const std::string number = port == kAnyPort ? "*" : std::to_string(port);
  return protocol == kTcp ? number : number + "/" + ProtocolName(protocol);
}

std::string FormatEndpoint(const Endpoint& endpoint) {
  return FormatHost(endpoint) + ":" + FormatPort(endpoint.port, endpoint.protocol);
}

std::vector<ListedEndpoint> ParseEndpointList(std::string_view text) {
  constexpr std::string_view kSeparators = " \t\r";
  std::vector<ListedEndpoint> words;
  int line = 0;
  for (const std::string_view row : Split(text, '\n')) {
    ++line;
    for (std::size_t at = 0; (at = row.find_first_not_of(kSeparators, at)) != row.npos && row[at] != '#';) {
      const std::size_t end = std::min(row.find_first_of(kSeparators, at), row.size());
      words.push_back({std::string(row.substr(at, end - at)), line, static_cast<int>(at) + 1});
      at = end;
    }
  }
  return words;
}

bool Covers(const Endpoint& outer, const Endpoint& inner) {
  const bool ports = outer.protocol == kAnyProtocol ||
                     (outer.protocol == inner.protocol && (outer.port == kAnyPort || outer.port == inner.port));
  return ports && CoversHost(outer, inner);
}

bool CoversHost(const Endpoint& outer, const Endpoint& inner) {
  if ((outer.host == HostKind::kAddress) != (inner.host == HostKind::kAddress)) return false;
  if (outer.host == HostKind::kAddress) {
    // ::/0 does not reach into the IPv4 addresses that share the 128-bit space.
    const auto ipv4 = [](const Endpoint& e) { return IsIpv4(e.address) && e.prefix_bits >= kMappedBits; };
    return ipv4(outer) == ipv4(inner) && Contains(outer.address, outer.prefix_bits, inner.address, inner.prefix_bits);
  }
  if (outer.host == HostKind::kName) return inner.host == HostKind::kName && outer.name == inner.name;
  if (!IsAtOrBelow(inner.name, outer.name)) return false;
  return inner.host == HostKind::kWildcard || inner.name.size() != outer.name.size();
}

}  // namespace weir::policy
