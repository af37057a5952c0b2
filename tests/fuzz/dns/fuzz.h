// SPDX-License-Identifier: Apache-2.0
// What both DNS fuzzers share: the parser runs twice over different stale memory, and a second, naive reading of names.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>

#include "tests/unit/dns/parser.h"

namespace weir::dnstest {

inline void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

struct ReadName {
  Bytes wire;           ///< lower case
  std::size_t end = 0;  ///< offset behind it in the message
};

/// RFC 1035 4.1.4 as the book has it, written apart from the parser under test: recursion, vectors, no shortcuts.
inline std::optional<ReadName> NaiveName(std::span<const std::uint8_t> message, std::size_t at, std::size_t before,
                                         int depth = 0) {
  ReadName name;
  while (at < message.size() && depth < 300) {
    const unsigned size = message[at];
    if (size >= 0xc0) {
      if (at + 1 >= message.size()) return std::nullopt;
      const std::size_t target = (size & 0x3fu) << 8 | message[at + 1];
      if (target >= before || target < 12) return std::nullopt;
      const auto rest = NaiveName(message, target, target, depth + 1);
      if (!rest) return std::nullopt;
      name.wire.insert(name.wire.end(), rest->wire.begin(), rest->wire.end());
      name.end = at + 2;
      return name;
    }
    if (size > 63 || at + size >= message.size()) return std::nullopt;
    name.wire.push_back(static_cast<std::uint8_t>(size));
    for (std::size_t i = at + 1; i <= at + size; i++) {
      const auto c = message[i];
      name.wire.push_back(static_cast<std::uint8_t>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
    }
    at += size + 1;
    if (size == 0) {
      name.end = at;
      return name;
    }
  }
  return std::nullopt;
}

inline std::optional<ReadName> NaiveName(std::span<const std::uint8_t> message, std::size_t at) {
  auto name = NaiveName(message, at, at);
  if (name && name->wire.size() > 255) return std::nullopt;
  return name;
}

inline unsigned Get16(std::span<const std::uint8_t> message, std::size_t at) {
  return static_cast<unsigned>(message[at] << 8 | message[at + 1]);
}

}  // namespace weir::dnstest
