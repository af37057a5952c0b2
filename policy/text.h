// SPDX-License-Identifier: Apache-2.0
// Small text functions that the policy library shares. All are pure and treat their input as untrusted bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::policy {

/// ASCII only: other bytes stay as they are, whatever the locale says.
[[nodiscard]] std::string Lower(std::string_view text);

/// Decimal digits only, no sign, no leading zero (except "0" itself), at most `max`.
[[nodiscard]] std::optional<std::uint64_t> ParseNumber(std::string_view text, std::uint64_t max);

[[nodiscard]] std::vector<std::string_view> Split(std::string_view text, char separator);

/// Length of the valid UTF-8 sequence at `at` and its code point; nullopt: not UTF-8 (RFC 3629: no overlong forms, no
/// surrogates, nothing above U+10FFFF).
struct CodePoint {
  char32_t value = 0;
  std::size_t bytes = 0;
};
[[nodiscard]] std::optional<CodePoint> DecodeUtf8(std::string_view text, std::size_t at);

/// True for code points that make text look like something else than it is, or that a terminal obeys: C0 (except line
/// feed), C1, DEL, line and paragraph separators, bidirectional controls, zero-width characters, byte order marks.
[[nodiscard]] bool IsDeceptive(char32_t code_point);

/// `text` with every deceptive code point and every byte that is not UTF-8 written as \xNN or \u{NNNN}; line feeds
/// too. Safe to print on a terminal.
[[nodiscard]] std::string Printable(std::string_view text);

/// A YAML double-quoted scalar that reads back as Printable(text).
[[nodiscard]] std::string YamlQuoted(std::string_view text);

/// The candidate that a person may have meant by `word` (optimal string alignment distance of at most a third of its
/// length, at least 1); empty: none is near.
[[nodiscard]] std::string Nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "a, b or c"
[[nodiscard]] std::string Enumerate(std::span<const std::string_view> words);

}  // namespace weir::policy
