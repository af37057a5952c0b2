// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "collector/report/escape.h"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Table Sample() {
  Table table(
      {{.title = "VERDICT"}, {.title = "DESTINATION", .cut = Cut::kMiddle}, {.title = "N", .align = Align::kRight}});
  table.AddRow({"allow", "registry.example.org:443", "5"});
  table.AddRow({"deny", "a", "1000"});
  return table;
}

std::size_t Widest(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, report::Columns(line));
  return widest;
}

TEST(Table, AlignsColumnsAndLeavesNoTrailingBlanks) {
  EXPECT_EQ(Sample().Render({}),
            "VERDICT  DESTINATION                  N\n"
            "allow    registry.example.org:443     5\n"
            "deny     a                         1000\n");
}

TEST(Table, CutsTheMiddleToFitTheScreen) {
  EXPECT_EQ(Sample().Render({.columns = 30, .colour = false}),
            "VERDICT  DESTINATION         N\n"
            "allow    registr…org:443     5\n"
            "deny     a                1000\n");
}

TEST(Table, FitsAnyWidthAsLongAsColumnsKeepTheirLeast) {
  for (int columns = 28; columns < 60; ++columns) {
    EXPECT_LE(Widest(Sample().Render({.columns = columns, .colour = false})), static_cast<std::size_t>(columns))
        << columns;
  }
}

TEST(Table, NeverCutsWhatMustStayWhole) {
  EXPECT_THAT(Sample().Render({.columns = 10, .colour = false}), HasSubstr("1000"));
  EXPECT_THAT(Sample().Render({.columns = 10, .colour = false}), HasSubstr("allow"));
}

TEST(Table, LeavesOutSpareColumnsWhereCuttingDoesNotHelp) {
  Table table({{.title = "ID"},
               {.title = "NAME", .cut = Cut::kEnd},
               {.title = "BEGIN", .spare = 1},
               {.title = "TOOK", .spare = 2}});
  table.AddRow({"20261125-191202355", "a long name of a job", "2026-11-25 19:12:02", "658ms"});
  EXPECT_THAT(table.Render({.columns = 100, .colour = false}), HasSubstr("658ms"));
  EXPECT_EQ(table.Render({.columns = 50, .colour = false}),
            "ID                  NAME       BEGIN\n"
            "20261125-191202355  a long n…  2026-11-25 19:12:02\n");
  EXPECT_EQ(table.Render({.columns = 40, .colour = false}),
            "ID                  NAME\n"
            "20261125-191202355  a long name of a job\n");
  EXPECT_THAT(table.Render({}), HasSubstr("658ms")) << "in a pipe nothing is left out";
}

TEST(Table, WrapsAColumnThatMustBeReadWhole) {
  Table table({{.title = "CHECK"}, {.title = "FINDING", .cut = Cut::kWrap, .least = 10}});
  table.AddRow({"cgroup2", "mounted at /sys/fs/cgroup and writable"});
  table.AddRow({"kernel", "averylongwordwithoutanyblanks"});
  EXPECT_EQ(table.Render({.columns = 29, .colour = false}),
            "CHECK    FINDING\n"
            "cgroup2  mounted at\n"
            "         /sys/fs/cgroup and\n"
            "         writable\n"
            "kernel   averylongwordwithout\n"
            "         anyblanks\n");
  EXPECT_THAT(table.Render({}), HasSubstr("mounted at /sys/fs/cgroup and writable\n"));
}

TEST(Table, CountsWideCharactersAsTwoColumns) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.AddRow({"日本", "x"});
  table.AddRow({"abcd", "y"});
  EXPECT_EQ(table.Render({}), "A     B\n日本  x\nabcd  y\n");
}

TEST(Table, CutsBetweenWideCharacters) {
  Table table({{.title = "PATH", .cut = Cut::kMiddle}});
  table.AddRow({"日本語日本語日本語"});
  const std::string out = table.Render({.columns = 9, .colour = false});
  EXPECT_LE(Widest(out), 9U);
  EXPECT_THAT(out, HasSubstr("…"));
}

TEST(Table, EscapesHostileCellsAndTitles) {
  Table table({{.title = "T\x1b[2J"}});
  table.AddRow({"\x1b]0;owned\x07\n::error::x \xe2\x80\xae bad\xff"});
  const std::string out = table.Render({});
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
  EXPECT_THAT(out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(out, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(out, HasSubstr("\\x1b"));
}

TEST(Table, PaintsOnlyOnColourScreens) {
  Table table({{.title = "V"}});
  table.AddRow({Cell("deny", Tone::kBad)});
  EXPECT_EQ(table.Render({}), "V\ndeny\n");
  EXPECT_EQ(table.Render({.columns = 80, .colour = true}), "\x1b[1mV\x1b[0m\n\x1b[31mdeny\x1b[0m\n");
}

TEST(Table, FillsMissingCells) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.AddRow({"1"});
  EXPECT_EQ(table.Render({}), "A  B\n1\n");
}

TEST(ShortenMiddle, KeepsBothEnds) {
  EXPECT_EQ(ShortenMiddle("/usr/lib/node_modules/npm/bin/npm", 11), "/usr/…n/npm");
  EXPECT_EQ(ShortenMiddle("short", 11), "short");
  EXPECT_EQ(report::Columns(ShortenMiddle("abcdefghij", 1)), 1U);
}

}  // namespace
}  // namespace weir::cli
