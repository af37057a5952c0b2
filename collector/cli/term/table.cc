// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/table.h"

#include <algorithm>

#include "collector/report/escape.h"
#include "collector/report/unicode.h"

namespace weir::cli {
namespace {

constexpr std::size_t kGap = 2;
// A cut column keeps at least this much: "…" and enough of the text to recognise it.
constexpr std::size_t kLeastCut = 8;

std::size_t CharacterColumns(std::uint32_t code_point) {
  if (report::IsCombining(code_point)) return 0;
  return report::IsWide(code_point) ? 2 : 1;
}

// The longest end of `text` that takes at most `columns`. Combining characters stay with what they are drawn over.
std::string_view Ending(std::string_view text, std::size_t columns) {
  struct Character {
    std::size_t begin;
    std::size_t columns;
  };
  std::vector<Character> characters;
  for (std::size_t at = 0; at < text.size();) {
    const report::Decoded decoded = report::DecodeUtf8(text.substr(at));
    const std::size_t width = decoded.bytes == 0 ? 1 : CharacterColumns(decoded.code_point);
    if (width > 0 || characters.empty()) characters.push_back({at, width});
    at += std::max<std::size_t>(decoded.bytes, 1);
  }
  std::size_t begin = text.size();
  for (auto it = characters.rbegin(); it != characters.rend() && it->columns <= columns; ++it) {
    columns -= it->columns;
    begin = it->begin;
  }
  return text.substr(begin);
}

std::string CutTo(const Column& column, const std::string& text, std::size_t width) {
  if (report::Columns(text) <= width) return text;
  switch (column.cut) {
    case Cut::kNever: return text;
    case Cut::kEnd: return report::Shorten(text, width);
    case Cut::kMiddle: return ShortenMiddle(text, width);
  }
  return text;
}

}  // namespace

std::string ShortenMiddle(std::string_view text, std::size_t columns) {
  if (report::Columns(text) <= columns) return std::string(text);
  if (columns < 4) return report::Shorten(text, columns);
  // The end of a path or name says more than its beginning, so it gets the odd column.
  const std::size_t head = (columns - 1) / 2;
  return report::Shorten(text, head + 1) + std::string(Ending(text, columns - head - 1));
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (Column& column : columns_) column.title = report::ForTerminal(column.title);
}

void Table::AddRow(std::vector<Cell> cells) {
  std::vector<Shown> row;
  row.reserve(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i < cells.size()) {
      row.push_back({cells[i].lead + report::ForTerminal(cells[i].text), cells[i].tone});
    } else {
      row.push_back({"", Tone::kPlain});
    }
  }
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::Widths(int screen_columns) const {
  std::vector<std::size_t> widths;
  std::size_t total = columns_.empty() ? 0 : (columns_.size() - 1) * kGap;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = report::Columns(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, report::Columns(row[i].text));
    widths.push_back(width);
    total += width;
  }
  if (screen_columns <= 0) return widths;
  // Take from the widest column that may be cut, one at a time: short columns stay whole as long as possible.
  while (total > static_cast<std::size_t>(screen_columns)) {
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::size_t least = std::max(kLeastCut, report::Columns(columns_[i].title));
      if (columns_[i].cut == Cut::kNever || widths[i] <= least) continue;
      if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
    --total;
  }
  return widths;
}

std::string Table::Render(const Screen& screen) const {
  const std::vector<std::size_t> widths = Widths(screen.columns);
  std::string out;
  const auto line = [&](auto text_of, auto tone_of) {
    std::string pending;  // blanks are written only before more text: no trailing blanks
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = CutTo(columns_[i], text_of(i), widths[i]);
      const std::size_t used = report::Columns(text);
      const std::string pad(widths[i] > used ? widths[i] - used : 0, ' ');
      if (columns_[i].align == Align::kRight) pending += pad;
      if (!text.empty()) {
        out += pending + Paint(screen, tone_of(i), text);
        pending.clear();
      }
      if (columns_[i].align == Align::kLeft) pending += pad;
      pending.append(kGap, ' ');
    }
    out += '\n';
  };
  line([&](std::size_t i) { return columns_[i].title; }, [](std::size_t) { return Tone::kBold; });
  for (const auto& row : rows_) {
    line([&](std::size_t i) { return row[i].text; }, [&](std::size_t i) { return row[i].tone; });
  }
  return out;
}

}  // namespace weir::cli
