// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/table.h"

#include <algorithm>
#include <utility>

#include "collector/report/escape.h"
#include "collector/report/unicode.h"

namespace weir::cli {
namespace {

constexpr std::size_t kGap = 2;

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
    case Cut::kWrap: return text;
  }
  return text;
}

// Takes one line of at most `width` columns from `rest`, broken at a blank where there is one.
std::string TakeLine(std::string& rest, std::size_t width) {
  if (report::Columns(rest) <= width) return std::exchange(rest, "");
  const std::string cut = report::Shorten(rest, width + 1);  // one column is of the ellipsis, which is not wanted
  std::size_t end = cut.size() - std::string_view("…").size();
  if (const std::size_t blank = rest.rfind(' ', end); blank != rest.npos && blank > 0) end = blank;
  if (end == 0) end = rest.size();
  std::string line = rest.substr(0, end);
  rest.erase(0, std::min(rest.find_first_not_of(' ', end), rest.size()));
  return line;
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

std::size_t Table::Least(std::size_t column, std::size_t width) const {
  if (columns_[column].cut == Cut::kNever) return width;
  return std::min(width, std::max(columns_[column].least, report::Columns(columns_[column].title)));
}

Table::Layout Table::Fit(int screen_columns) const {
  Layout layout;
  std::size_t total = 0, least = 0;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = report::Columns(columns_[i].title);
    for (const auto& row : rows_) width = std::max(width, report::Columns(row[i].text));
    layout.columns.push_back(i);
    layout.widths.push_back(width);
    total += width + (i > 0 ? kGap : 0);
    least += Least(i, width) + (i > 0 ? kGap : 0);
  }
  const auto room = static_cast<std::size_t>(std::max(screen_columns, 0));
  if (room == 0) return layout;
  while (least > room) {
    const auto spare =
        std::max_element(layout.columns.begin(), layout.columns.end(),
                         [&](std::size_t a, std::size_t b) { return columns_[a].spare < columns_[b].spare; });
    if (spare == layout.columns.end() || columns_[*spare].spare == 0) break;
    const auto width = layout.widths.begin() + (spare - layout.columns.begin());
    total -= *width + kGap;
    least -= Least(*spare, *width) + kGap;
    layout.widths.erase(width);
    layout.columns.erase(spare);
  }
  // Take from the widest column that may be cut, one at a time: short columns stay whole as long as possible.
  for (; total > room; --total) {
    std::size_t widest = layout.columns.size();
    for (std::size_t i = 0; i < layout.columns.size(); ++i) {
      if (layout.widths[i] <= Least(layout.columns[i], layout.widths[i])) continue;
      if (widest == layout.columns.size() || layout.widths[i] > layout.widths[widest]) widest = i;
    }
    if (widest == layout.columns.size()) break;
    --layout.widths[widest];
  }
  return layout;
}

void Table::AddLine(const Screen& screen, const Layout& layout, const std::vector<Shown>& cells,
                    std::string& out) const {
  std::string pending;  // blanks are written only before more text: no trailing blanks
  for (std::size_t at = 0; at < layout.columns.size(); ++at) {
    const Column& column = columns_[layout.columns[at]];
    const Shown& cell = cells[layout.columns[at]];
    const std::size_t width = layout.widths[at];
    std::string rest = cell.text;
    const std::string text = column.cut == Cut::kWrap ? TakeLine(rest, width) : CutTo(column, rest, width);
    const std::size_t used = report::Columns(text);
    const std::string pad(width > used ? width - used : 0, ' ');
    if (column.align == Align::kRight) pending += pad;
    if (!text.empty()) {
      out += pending + Paint(screen, cell.tone, text);
      pending.clear();
    }
    if (column.cut == Cut::kWrap && at + 1 == layout.columns.size()) {
      std::size_t indent = 0;
      for (std::size_t before = 0; before < at; ++before) indent += layout.widths[before] + kGap;
      while (!rest.empty()) out += '\n' + std::string(indent, ' ') + Paint(screen, cell.tone, TakeLine(rest, width));
    }
    if (column.align == Align::kLeft) pending += pad;
    pending.append(kGap, ' ');
  }
  out += '\n';
}

std::string Table::Render(const Screen& screen) const {
  const Layout layout = Fit(screen.columns);
  std::string out;
  std::vector<Shown> titles;
  for (const Column& column : columns_) titles.push_back({column.title, Tone::kBold});
  AddLine(screen, layout, titles, out);
  for (const auto& row : rows_) AddLine(screen, layout, row, out);
  return out;
}

}  // namespace weir::cli
