// SPDX-License-Identifier: Apache-2.0
// The host part of an endpoint. Internal to the policy library; callers use endpoint.h.
#pragma once

#include <optional>
#include <string_view>

#include "policy/endpoint.h"

namespace weir::policy {

/// What the host parsers write into; `offset` is where the host starts in the endpoint's text.
struct HostContext {
  EndpointResult* result;
  ListKind list;
  std::size_t offset;
  std::string_view port_text;  ///< what follows the host, ":443/udp" or empty; for suggestions

  void Error(std::size_t at, std::string reason, std::string suggestion) const {
    result->faults.push_back({offset + at, std::move(reason), std::move(suggestion), Severity::kError});
  }
  void Warn(std::size_t at, std::string reason, std::string suggestion) const {
    result->faults.push_back({offset + at, std::move(reason), std::move(suggestion), Severity::kWarning});
  }
};

/// A name or `*.name`. Fills host and name. False: faults were added.
[[nodiscard]] bool ParseNameHost(std::string_view host, const HostContext& context, Endpoint* endpoint);

/// `a.b.c.d` or `a.b.c.d/n`.
[[nodiscard]] bool ParseIpv4Host(std::string_view host, const HostContext& context, Endpoint* endpoint);

/// What stands between the brackets: an IPv6 address or `prefix/n`.
[[nodiscard]] bool ParseIpv6Host(std::string_view host, const HostContext& context, Endpoint* endpoint);

/// True when the last label is a number in any base: such a host is never a name (WHATWG URL, "ends in a number").
[[nodiscard]] bool EndsInNumber(std::string_view host);

}  // namespace weir::policy
