// SPDX-License-Identifier: Apache-2.0
// Makes text that a job chose (arguments, paths, process names, DNS names, labels, rules) safe to print.
//
// All such text is hostile (docs/threat-model.md, row "the reader"). One function per place it can be printed; none of
// them trusts that another one ran before. All are pure, total over any bytes, and callable from any thread.
//
// Notation of what cannot be shown: `\xNN` is a byte (a control character, or one that is not valid UTF-8) and `\u{N}`
// a code point (bidirectional control, invisible, unassigned to text). A backslash that would read as the start of
// such a notation is written `\x5c`, so that no two inputs print alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace weir::report {

/// `max_columns` below: cut to that many terminal columns (UAX #11), the cut marked with "…". Text is cut after it was
/// made visible and before it is quoted: in that order only is the result safe and not escaped twice.
inline constexpr std::size_t kWhole = static_cast<std::size_t>(-1);

/// For a terminal or a log: one line without control, bidirectional or invisible characters and without anything that
/// a GitHub Actions runner takes for a workflow command (`::name` at the start of a word, `##[`). Callers may cut the
/// result (Shorten) or break lines at its spaces, but not inside a word.
[[nodiscard]] std::string ForTerminal(std::string_view bytes);

/// For Markdown outside tables: a code span (CommonMark 0.30, 6.1), where GitHub makes no links, mentions or markup.
[[nodiscard]] std::string ForMarkdown(std::string_view bytes, std::size_t max_columns = kWhole);

/// For a cell of a Markdown table (GFM 4.10): a code span whose `|` are escaped.
[[nodiscard]] std::string ForMarkdownCell(std::string_view bytes, std::size_t max_columns = kWhole);

/// For HTML text and quoted attribute values. Put it into an element with `unicode-bidi: isolate`.
[[nodiscard]] std::string ForHtml(std::string_view bytes, std::size_t max_columns = kWhole);

/// For a string that a JSON library will quote: valid UTF-8; control characters and everything else that is valid
/// stay, because programs read it. Serialise with non-ASCII escaped, then pass the document through JsonDocument.
[[nodiscard]] std::string ForJson(std::string_view bytes);

/// A serialised JSON document whose strings no Actions runner takes for commands when it is printed: same value.
[[nodiscard]] std::string JsonDocument(std::string serialised);

/// Arguments as one could type them into a shell: joined by spaces, single-quoted where needed. Still hostile.
[[nodiscard]] std::string CommandLine(std::span<const std::string> arguments);

/// A step of a workflow: "2 __run_2"; "2" when it has no name, "-" for none (0). Still hostile.
[[nodiscard]] std::string StepText(std::uint32_t number, std::string_view name);

/// Terminal columns of text that ForTerminal made (UAX #11: wide characters take two).
[[nodiscard]] std::size_t Columns(std::string_view text);

/// Text that ForTerminal made, cut to at most `columns` (≥ 1) columns; the cut is marked with "…".
[[nodiscard]] std::string Shorten(std::string_view text, std::size_t columns);

}  // namespace weir::report
