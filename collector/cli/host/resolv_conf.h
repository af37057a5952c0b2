// SPDX-License-Identifier: Apache-2.0
// How this process finds names; the sensor, which may see other files, is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct ResolverSetup {
  std::vector<std::string> servers;  ///< addresses as text, at most 8
  std::vector<std::string> search;   ///< suffixes, at most 32
  friend bool operator==(const ResolverSetup&, const ResolverSetup&) = default;
};

/// resolv.conf(5): `nameserver` lines; the last of `search` and `domain` counts. Scope ids of link-local addresses are
/// dropped, lines that name no address are skipped. No `nameserver` at all means 127.0.0.1, as in the C library.
[[nodiscard]] ResolverSetup ParseResolvConf(std::string_view text);

/// /etc/resolv.conf as this process sees it, with the upstreams of systemd-resolved when it names its stub, and with
/// $LOCALDOMAIN in place of `search`.
[[nodiscard]] ResolverSetup ReadResolverSetup();

}  // namespace weir::cli
