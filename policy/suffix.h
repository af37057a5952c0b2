// SPDX-License-Identifier: Apache-2.0
// Who shares a domain: public suffixes (anyone may register below) and shared hosts (anyone may rent below).
#pragma once

#include <string>
#include <string_view>

namespace weir::policy {

enum class SuffixKind {
  kOwned,    ///< below it, one owner decides
  kPrivate,  ///< customers of one company share it: pages hosts, object stores, CDNs
  kPublic,   ///< a registry sells names below it; a wildcard here allows strangers
};

/// `name` in A-labels, lower case. Falls towards kPublic: a single label that is neither delegated nor reserved for
/// private use, and every name of up to two labels when libpsl has no list.
[[nodiscard]] SuffixKind ClassifySuffix(std::string_view name);

/// The shared host that a wildcard below `name` covers: `name` itself, or one below it ("s3.amazonaws.com" for
/// "amazonaws.com"). Empty: none known.
[[nodiscard]] std::string SharedHostUnder(std::string_view name);

/// True when `name` is `base` or ends with `.base`.
[[nodiscard]] bool IsAtOrBelow(std::string_view name, std::string_view base);

}  // namespace weir::policy
