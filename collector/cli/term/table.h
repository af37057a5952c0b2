// SPDX-License-Identifier: Apache-2.0
// Tables for terminals. The one way in which the CLI prints rows: every cell is escaped here, so that no command can
// forget it.
#pragma once

#include <string>
#include <vector>

#include "collector/cli/term/screen.h"

namespace weir::cli {

enum class Align { kLeft, kRight };

/// What may be left out of a cell when the table is wider than the screen.
enum class Cut {
  kNever,   ///< numbers, ids, verdicts
  kEnd,     ///< prose, command lines
  kMiddle,  ///< paths and names: both ends tell something
  kWrap,    ///< nothing: it goes on in the next line. For the last column only
};

struct Column {
  std::string title;
  Align align = Align::kLeft;
  Cut cut = Cut::kNever;
  std::size_t least = 8;  ///< a cut column keeps so much: "…" and enough of the text to recognise it
  /// On a screen where the table does not fit however it is cut, columns are left out, the highest first. 0: never.
  int spare = 0;
};

struct Cell {
  std::string text;  ///< any bytes
  Tone tone = Tone::kPlain;
  std::string lead;  ///< ours, printed as it is before the text (tree branches)

  // Implicit, so that a row can be written as a list of strings.
  Cell(std::string t) : text(std::move(t)) {}  // NOLINT(google-explicit-constructor)
  Cell(const char* t) : text(t) {}             // NOLINT(google-explicit-constructor)
  Cell(std::string t, Tone n) : text(std::move(t)), tone(n) {}
  Cell(std::string l, std::string t, Tone n) : text(std::move(t)), tone(n), lead(std::move(l)) {}
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);

  /// Missing cells are empty; surplus ones are dropped.
  void AddRow(std::vector<Cell> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }

  /// Title line and rows, each ended by a newline, none with trailing blanks. Fits `screen.columns` as long as there
  /// are columns that may be cut or left out.
  [[nodiscard]] std::string Render(const Screen& screen) const;

 private:
  struct Shown {
    std::string text;
    Tone tone;
  };
  struct Layout {
    std::vector<std::size_t> columns;  ///< those that are drawn
    std::vector<std::size_t> widths;   ///< by place in `columns`
  };
  [[nodiscard]] Layout Fit(int screen_columns) const;
  [[nodiscard]] std::size_t Least(std::size_t column, std::size_t width) const;
  void AddLine(const Screen& screen, const Layout& layout, const std::vector<Shown>& cells, std::string& out) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Shown>> rows_;
};

/// `text` (escaped) in at most `columns` (≥ 1) terminal columns; what is left out of its middle is marked with "…".
[[nodiscard]] std::string ShortenMiddle(std::string_view text, std::size_t columns);

}  // namespace weir::cli
