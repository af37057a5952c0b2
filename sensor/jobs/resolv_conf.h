// SPDX-License-Identifier: Apache-2.0
// The host's resolvers and search suffixes (resolv.conf(5)).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compiled.h"
#include "sensor/base/result.h"

namespace weir::jobs {

inline constexpr std::size_t kMaxResolvers = 16;      ///< of one scope; more are left out, and said
inline constexpr std::size_t kMaxSearchSuffixes = 6;  ///< MAXDNSRCH of <resolv.h>
inline constexpr std::size_t kMaxResolvConfBytes = 64u << 10;

struct Resolvers {
  std::vector<policy::Address> addresses;  ///< in order, without repetition
  std::vector<std::string> search;         ///< wire form, lower case, with root label
  std::vector<std::string> faults;         ///< lines that were left out, and why
  friend bool operator==(const Resolvers&, const Resolvers&) = default;
};

/// Bounded and total: any bytes give a result. `domain` counts as a search list of one; the last of `domain` and
/// `search` stands. A zone (fe80::1%eth0) is cut off. Without a nameserver: 127.0.0.1, as the C libraries do.
[[nodiscard]] Resolvers ParseResolvConf(std::string_view text);

/// ParseResolvConf of a file; when it names systemd-resolved's stub, also the upstreams listed in `upstreams` (it may
/// be missing), because the stub's own queries and NSS modules go there.
[[nodiscard]] Result<Resolvers> LoadResolvers(
    const std::filesystem::path& file, const std::filesystem::path& upstreams = "/run/systemd/resolve/resolv.conf");

/// The same from text that a client sends (BeginJob): one address or suffix an element.
[[nodiscard]] Resolvers ResolversFromText(const std::vector<std::string>& addresses,
                                          const std::vector<std::string>& search);

/// In the form of bpf/abi.h; false: not an address.
[[nodiscard]] bool AddressFromText(std::string_view text, policy::Address& address);

/// "corp.example.org" or "corp.example.org." → wire form, lower case. Empty: not a name.
[[nodiscard]] std::string NameToWire(std::string_view text);

}  // namespace weir::jobs
