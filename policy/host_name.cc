// SPDX-License-Identifier: Apache-2.0
// Names and wildcards as hosts of endpoints.
#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>

#include "policy/host.h"
#include "policy/suffix.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

// RFC 1035 2.3.4: 255 octets of wire form are 253 characters of text.
constexpr std::size_t kMaxNameBytes = 253, kMaxLabelBytes = 63;
constexpr std::array<std::string_view, 3> kMetadataNames = {"metadata.google.internal", "metadata.azure.internal",
                                                            "instance-data.ec2.internal"};

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// UTS #46 non-transitional, as browsers and curl do it: the form that goes into the DNS query. The round trip of
// A-labels is checked, so that `xn--` cannot smuggle what the Unicode spelling could not say.
bool ToAscii(std::string_view name, std::size_t at, const HostContext& context, std::string* out) {
  if (IsAscii(name) && Lower(name).find("xn--") == std::string::npos) {
    *out = Lower(name);
    return true;
  }
  std::uint8_t* raw = nullptr;
  const std::string text(name);
  const int status =
      idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(text.c_str()), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<void, decltype(&idn2_free)> owner(raw, &idn2_free);
  if (status != IDN2_OK) {
    context.Error(at, "`" + Printable(name) + "` is not a valid international name: " + idn2_strerror(status),
                  "write the name as its owner registered it, or its ASCII form (`xn--…`)");
    return false;
  }
  *out = Lower(reinterpret_cast<const char*>(raw));
  if (IsAscii(*out)) return true;
  context.Error(at, "`" + Printable(name) + "` has no ASCII form", "write its ASCII form (`xn--…`)");
  return false;
}

// `as_written`: labels lie in the endpoint's text as they are here; else (A-labels made from an IDN) faults point at
// its start.
bool CheckLabels(std::string_view name, std::size_t at, bool as_written, const HostContext& context) {
  if (name.size() > kMaxNameBytes) {
    context.Error(at, "the name has " + std::to_string(name.size()) + " bytes; DNS names have at most 253",
                  "check for a pasted path or token; a wildcard covers any depth below a domain");
    return false;
  }
  std::size_t offset = 0;
  for (const std::string_view label : Split(name, '.')) {
    const auto fault = [&](std::string reason, std::string suggestion) {
      context.Error(as_written ? at + offset : at, std::move(reason), std::move(suggestion));
      return false;
    };
    if (label.empty()) return fault("an empty label (two dots in a row, or a dot in front)", "remove the extra dot");
    if (label.size() > kMaxLabelBytes) {
      return fault("a label of " + std::to_string(label.size()) + " bytes; DNS labels have at most 63",
                   "check for a missing dot or a pasted token");
    }
    const std::size_t bad = label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_");
    if (bad != label.npos) {
      offset += bad;
      return fault("`" + Printable(label.substr(bad, 1)) + "` cannot be part of a host name",
                   "names have letters, digits, hyphens and underscores; only a leading `*.` is a wildcard");
    }
    if (label.front() == '-' || label.back() == '-') {
      return fault("the label `" + std::string(label) + "` begins or ends with a hyphen",
                   "remove the hyphen: host names cannot have it there (RFC 1123 2.1)");
    }
    offset += label.size() + 1;
  }
  return true;
}

// Stars anywhere but in a leading `*.`, and nothing else.
bool CheckStars(std::string_view host, const HostContext& context) {
  const std::string port(context.port_text);
  if (host == "*" || host == "*.") {
    context.Error(0, "`*` would allow every name",
                  "name the domains, such as `*.example.org" + port + "`; to only watch, use `mode: audit`");
    return false;
  }
  const std::size_t star = host.find('*', host.starts_with("*.") ? 1 : 0);
  if (star == host.npos) return true;
  std::string rest(host);
  while (rest.starts_with("*.")) rest.erase(0, 2);
  std::erase(rest, '*');
  rest.erase(0, std::min(rest.find_first_not_of("-."), rest.size()));
  const bool repeated = host.starts_with("*.*");
  context.Error(star,
                repeated ? "`*.` already covers any depth; a second `*` has no meaning"
                         : "`*` is only a wildcard as a whole label in front, `*.`",
                rest.empty() || rest.find('.') == rest.npos ? "write `*.` and a domain, such as `*.example.org`"
                                                            : "write `*." + Printable(rest) + port + "`");
  return false;
}

bool CheckWildcard(const std::string& base, const HostContext& context) {
  if (context.list == ListKind::kDeny) return true;
  if (ClassifySuffix(base) == SuffixKind::kPublic) {
    context.Error(0, "`*." + base + "` is a wildcard on a public suffix: anyone can register a name below it",
                  "name the domain, such as `*.example." + base + std::string(context.port_text) + "`");
    return false;
  }
  if (base.find('.') == base.npos) {
    context.Warn(0, "`*." + base + "` covers a whole top-level domain of private networks",
                 "name the host, or the domain that the job needs");
    return true;
  }
  if (const std::string shared = SharedHostUnder(base); !shared.empty()) {
    context.Warn(0, "`*." + base + "` covers a shared host (`" + shared + "`): strangers can have names below it",
                 "name the exact host of the bucket, site or service that the job uses");
  }
  return true;
}

}  // namespace

bool ParseNameHost(std::string_view host, const HostContext& context, Endpoint* endpoint) {
  if (!CheckStars(host, context)) return false;
  const bool wildcard = host.starts_with("*.");
  const std::size_t at = wildcard ? 2 : 0;
  std::string_view name = host.substr(at);
  if (name.size() > 1 && name.ends_with('.') && !name.ends_with("..")) {
    context.Error(at + name.size() - 1, "a dot at the end",
                  "write `" + Printable(host.substr(0, host.size() - 1)) + std::string(context.port_text) +
                      "`: names here are always complete");
    return false;
  }
  if (!wildcard && name.starts_with('.') && name.size() > 1 && name[1] != '.') {
    context.Error(0, "a dot in front",
                  "for everything below the domain write `*" + Printable(name) + std::string(context.port_text) + "`");
    return false;
  }
  std::string ascii;
  if (!ToAscii(name, at, context, &ascii) || !CheckLabels(ascii, at, IsAscii(name), context)) return false;
  if (EndsInNumber(ascii)) {
    context.Error(at, "`" + Printable(host) + "` ends in a number, so it is neither a name nor a whole address",
                  "for a range of addresses write a prefix, such as `10.20.0.0/16`");
    return false;
  }
  if (wildcard && !CheckWildcard(ascii, context)) return false;
  for (const std::string_view service : kMetadataNames) {
    const bool covered = wildcard ? service != ascii && IsAtOrBelow(service, ascii) : service == ascii;
    if (!covered || context.list == ListKind::kDeny) continue;
    context.Warn(0, "allows `" + std::string(service) + "`, the cloud metadata service",
                 (wildcard ? "name the hosts that the job needs" : "remove the rule") +
                     std::string(": whoever reaches it can take the machine's credentials"));
  }
  endpoint->host = wildcard ? HostKind::kWildcard : HostKind::kName;
  endpoint->name = std::move(ascii);
  return true;
}

}  // namespace weir::policy
