// SPDX-License-Identifier: Apache-2.0
#include "collector/report/escape.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "collector/report/unicode.h"

namespace weir::report {
namespace {

constexpr char kHex[] = "0123456789abcdef";

// More marks than this on one character only serve to draw over the lines around it.
constexpr int kMarksPerCharacter = 2;

void AppendByte(std::string& out, char byte) {
  const auto value = static_cast<std::uint8_t>(byte);
  out += "\\x";
  out += kHex[value >> 4];
  out += kHex[value & 15];
}

void AppendCodePoint(std::string& out, std::uint32_t code_point) {
  std::string digits;
  for (std::uint32_t rest = code_point; rest != 0; rest >>= 4) digits.insert(digits.begin(), kHex[rest & 15]);
  out += "\\u{" + digits + "}";
}

bool IsHex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }
bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

/// `rest` begins with a backslash that a reader would take for our own notation.
bool LooksEscaped(std::string_view rest) {
  if (rest.starts_with("\\u{")) return true;
  return rest.size() >= 4 && rest.starts_with("\\x") && IsHex(rest[2]) && IsHex(rest[3]);
}

/// An IPv6 address such as ::ffff:192.0.2.1 begins as a workflow command would; no command has such a name.
bool IsAddressText(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return IsHex(c) || c == ':' || c == '.'; });
}

/// Runners execute `::name …::` after leading white space, and `##[name]` anywhere in a line (actions/runner,
/// src/Runner.Common/ActionCommand.cs). All white space but the space is escaped by the caller.
bool StartsCommand(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("##[")) return true;
  const bool word_start = at == 0 || text[at - 1] == ' ';
  return word_start && rest.size() >= 3 && rest.starts_with("::") && IsLetter(rest[2]);
}

/// Everything that only programs may see, made visible. One line.
std::string Visible(std::string_view bytes) {
  const bool address = IsAddressText(bytes);
  std::string out;
  out.reserve(bytes.size());
  int marks = kMarksPerCharacter;  // a mark at the very start would sit on a character that is not ours
  for (std::size_t i = 0; i < bytes.size();) {
    const std::string_view rest = bytes.substr(i);
    const auto [code_point, length] = DecodeUtf8(rest);
    const bool mark = length != 0 && IsCombining(code_point);
    marks = mark ? marks + 1 : 0;
    if (length == 0 || code_point < 0x20 || code_point == 0x7f || LooksEscaped(rest) ||
        (!address && StartsCommand(bytes, i))) {
      AppendByte(out, bytes[i]);
      ++i;
      continue;
    }
    if (IsHidden(code_point) || (mark && marks > kMarksPerCharacter)) {
      AppendCodePoint(out, code_point);
    } else {
      out += rest.substr(0, length);
    }
    i += length;
  }
  return out;
}

/// A code span around text without line breaks: the fence is longer than any run of backticks in it.
std::string CodeSpan(const std::string& text) {
  if (text.empty()) return "(empty)";
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  // CommonMark strips one space from each side when both have one, so adding one to each side changes nothing.
  const bool pad = text.front() == '`' || text.back() == '`' || text.front() == ' ' || text.back() == ' ';
  const std::string_view space = pad ? " " : "";
  std::string out = fence;
  out.append(space).append(text).append(space).append(fence);
  return out;
}

bool IsShellSafe(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("@%+=:,./_-").find(c) != std::string_view::npos;
  });
}

std::size_t ColumnsOf(std::uint32_t code_point) {
  if (IsCombining(code_point)) return 0;
  return IsWide(code_point) ? 2 : 1;
}

}  // namespace

std::string ForTerminal(std::string_view bytes) { return Visible(bytes); }

std::string ForMarkdown(std::string_view bytes, std::size_t max_columns) {
  return CodeSpan(Shorten(Visible(bytes), max_columns));
}

std::string ForMarkdownCell(std::string_view bytes, std::size_t max_columns) {
  const std::string text = Shorten(Visible(bytes), max_columns);
  std::string cell;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '|') {
      cell += text[i];
    } else if (i > 0 && text[i - 1] == '\\') {
      AppendByte(cell, '|');  // `\\|`: parsers disagree whether the bar is escaped
    } else {
      cell += "\\|";
    }
  }
  // A backslash at the end would stand before the fence, never before the cell's own bar.
  return CodeSpan(cell);
}

std::string ForHtml(std::string_view bytes, std::size_t max_columns) {
  std::string out;
  for (const char c : Shorten(Visible(bytes), max_columns)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string ForJson(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    const auto [code_point, length] = DecodeUtf8(bytes);
    if (length == 0 || LooksEscaped(bytes)) {
      AppendByte(out, bytes.front());
      bytes.remove_prefix(1);
    } else {
      out += bytes.substr(0, length);
      bytes.remove_prefix(length);
    }
  }
  return out;
}

std::string JsonDocument(std::string serialised) {
  // `##[` can stand only inside a string of the document, where \u0023 means the same.
  constexpr std::string_view kCommand = "##[";
  for (std::size_t at = serialised.find(kCommand); at != std::string::npos; at = serialised.find(kCommand, at)) {
    serialised.replace(at, 1, "\\u0023");
  }
  return serialised;
}

std::string CommandLine(std::span<const std::string> arguments) {
  std::string out;
  for (const std::string& argument : arguments) {
    if (!out.empty()) out += ' ';
    if (IsShellSafe(argument)) {
      out += argument;
      continue;
    }
    out += '\'';
    for (const char c : argument) c == '\'' ? out.append("'\\''") : out.append(1, c);
    out += '\'';
  }
  return out;
}

std::string StepText(std::uint32_t number, std::string_view name) {
  if (number == 0) return "-";
  return std::to_string(number) + (name.empty() ? "" : " " + std::string(name));
}

std::size_t Columns(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto [code_point, length] = DecodeUtf8(text);
    columns += ColumnsOf(code_point);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return columns;
}

std::string Shorten(std::string_view text, std::size_t columns) {
  if (Columns(text) <= columns) return std::string(text);
  std::size_t used = 1;  // of the ellipsis
  std::size_t end = 0;
  while (end < text.size()) {
    const auto [code_point, length] = DecodeUtf8(text.substr(end));
    used += ColumnsOf(code_point);
    if (used > columns) break;
    end += std::max<std::size_t>(length, 1);
  }
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace weir::report
