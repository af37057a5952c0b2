// SPDX-License-Identifier: Apache-2.0
// Any bytes, made safe for each place where they can be printed. First byte: where to cut.
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "collector/report/escape.h"
#include "collector/report/unicode.h"
#include "sensor/events/text.h"

namespace {

using namespace weir::report;

void Require(bool holds) {
  if (!holds) std::abort();
}

/// Valid UTF-8 without characters that do not show.
bool Shows(std::string_view text) {
  while (!text.empty()) {
    const Decoded next = DecodeUtf8(text);
    if (next.bytes == 0 || IsHidden(next.code_point)) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

/// `##[` anywhere, or `::name` at the start of a word, unless it can only be an IPv6 address.
bool HasCommand(std::string_view text) {
  if (text.find("##[") != std::string_view::npos) return true;
  if (text.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos) return false;
  for (std::size_t at = text.find("::"); at != std::string_view::npos; at = text.find("::", at + 1)) {
    const bool word_start = at == 0 || text[at - 1] == ' ';
    if (word_start && at + 2 < text.size() && std::isalpha(static_cast<unsigned char>(text[at + 2])) != 0) return true;
  }
  return false;
}

void CheckHtml(std::string_view html) {
  Require(Shows(html) && html.find_first_of("<>\"'") == std::string_view::npos);
  for (std::size_t at = html.find('&'); at != std::string_view::npos; at = html.find('&', at + 1)) {
    Require(html.find(';', at) - at <= 6);
  }
}

void CheckJson(std::string_view bytes) {
  const nlohmann::json value = ForJson(bytes);
  const std::string document = JsonDocument(value.dump(-1, ' ', /*ensure_ascii=*/true));  // throws when not UTF-8
  Require(nlohmann::json::parse(document) == value);
  Require(document.find("##[") == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t columns = 1 + data[0] % 100;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::string shown = ForTerminal(bytes);
  Require(Shows(shown) && !HasCommand(shown));
  const std::string cut = Shorten(shown, columns);
  Require(Shows(cut) && Columns(cut) <= columns);
  for (const std::size_t width : {kWhole, columns}) {
    CheckHtml(ForHtml(bytes, width));
    for (const std::string& markdown : {ForMarkdown(bytes, width), ForMarkdownCell(bytes, width)}) {
      Require(Shows(markdown) && (markdown.front() == '`' || markdown == "(empty)"));
    }
  }
  const std::string cell = ForMarkdownCell(bytes);
  for (std::size_t at = cell.find('|'); at != std::string::npos; at = cell.find('|', at + 1)) {
    Require(at > 0 && cell[at - 1] == '\\');
  }
  CheckJson(bytes);
  const std::string arguments[] = {std::string(bytes.substr(0, bytes.size() / 2)), std::string(bytes)};
  (void)ForTerminal(CommandLine(arguments));
  std::string utf8 = weir::events::Utf8(bytes);
  for (std::string_view rest = utf8; !rest.empty();) {
    const Decoded next = DecodeUtf8(rest);
    Require(next.bytes != 0);
    rest.remove_prefix(next.bytes);
  }
  (void)weir::events::NameText(bytes);
  return 0;
}
