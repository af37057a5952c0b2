// SPDX-License-Identifier: Apache-2.0
// Rows follow docs/threat-model.md, "the reader".
#include "collector/report/escape.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "collector/report/unicode.h"

namespace weir::report {
namespace {

using namespace std::string_literals;

struct Row {
  const char* name;
  std::string in;
  std::string out;
};

void PrintTo(const Row& row, std::ostream* os) { *os << row.name; }

class TerminalTable : public testing::TestWithParam<Row> {};

TEST_P(TerminalTable, ShowsOnlyWhatIsVisible) { EXPECT_EQ(ForTerminal(GetParam().in), GetParam().out); }

INSTANTIATE_TEST_SUITE_P(
    Reader, TerminalTable,
    testing::Values(
        Row{"plain", "/usr/bin/curl -s https://example.org", "/usr/bin/curl -s https://example.org"},
        Row{"empty", "", ""}, Row{"umlauts_stay", "caf\u00e9 \u4e2d\u6587 \u0436", "caf\u00e9 \u4e2d\u6587 \u0436"},
        Row{"colour_sequence", "\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"},
        Row{"window_title", "\x1b]0;owned\x07", "\\x1b]0;owned\\x07"}, Row{"newline", "a\nb", "a\\x0ab"},
        Row{"carriage_return_hides_line", "evil\rgood", "evil\\x0dgood"}, Row{"tab", "a\tb", "a\\x09b"},
        Row{"backspace", "a\bb", "a\\x08b"}, Row{"nul", "a\0b"s, "a\\x00b"}, Row{"del", "a\x7f", "a\\x7f"},
        Row{"c1_csi_as_code_point", "\u009b31m", "\\u{9b}31m"},
        Row{"c1_csi_as_byte",
            "\x9b"
            "31m",
            "\\x9b31m"},
        Row{"invalid_utf8", "a\xff\xfe", "a\\xff\\xfe"}, Row{"overlong_slash", "\xc0\xaf", "\\xc0\\xaf"},
        Row{"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
        Row{"beyond_unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        Row{"cut_sequence", "\xe4\xb8", "\\xe4\\xb8"}, Row{"bidi_override", "gpj.\u202etxt", "gpj.\\u{202e}txt"},
        Row{"bidi_isolate", "\u2066x\u2069", "\\u{2066}x\\u{2069}"},
        Row{"right_to_left_mark", "a\u200fb", "a\\u{200f}b"},
        Row{"zero_width_space", "git\u200bhub", "git\\u{200b}hub"}, Row{"zero_width_joiner", "a\u200db", "a\\u{200d}b"},
        Row{"byte_order_mark",
            "\ufeff"
            "a",
            "\\u{feff}a"},
        Row{"soft_hyphen", "a\u00adb", "a\\u{ad}b"}, Row{"line_separator", "a\u2028b", "a\\u{2028}b"},
        Row{"no_break_space", "a\u00a0b", "a\\u{a0}b"}, Row{"tag_characters", "a\U000e0041", "a\\u{e0041}"},
        Row{"variation_selector", "a\ufe0f", "a\\u{fe0f}"}, Row{"noncharacter", "\U0001fffe", "\\u{1fffe}"},
        Row{"private_use", "\ue000", "\\u{e000}"}, Row{"accent_stays", "e\u0301", "e\u0301"},
        Row{"leading_accent", "\u0301x", "\\u{301}x"},
        Row{"stacked_accents", "e\u0301\u0301\u0301", "e\u0301\u0301\\u{301}"},
        Row{"own_notation_of_byte", "\\x1b", "\\x5cx1b"},
        Row{"own_notation_of_code_point", "\\u{202e}", "\\x5cu{202e}"},
        Row{"other_backslashes_stay", "C:\\dir \\n \\xz", "C:\\dir \\n \\xz"},
        Row{"workflow_command", "::error file=x::boo", "\\x3a:error file=x::boo"},
        Row{"workflow_command_after_space", "  ::add-mask::x", "  \\x3a:add-mask::x"},
        Row{"workflow_command_after_newline", "a\n::error::x", "a\\x0a::error::x"},
        Row{"workflow_command_after_wide_space", "\u3000::error::x", "\\u{3000}::error::x"},
        Row{"old_workflow_command_anywhere", "abc ##[error]x", "abc \\x23#[error]x"},
        Row{"scope_operator_stays", "std::vector", "std::vector"},
        Row{"ipv6_stays", "::ffff:192.0.2.1", "::ffff:192.0.2.1"}, Row{"ipv6_loopback_stays", "::1", "::1"}),
    [](const auto& row) { return row.param.name; });

class MarkdownTable : public testing::TestWithParam<Row> {};

TEST_P(MarkdownTable, IsOneCodeSpan) { EXPECT_EQ(ForMarkdownCell(GetParam().in), GetParam().out); }

INSTANTIATE_TEST_SUITE_P(
    Reader, MarkdownTable,
    testing::Values(Row{"plain", "curl", "`curl`"}, Row{"empty", "", "(empty)"},
                    Row{"html", "<img src=x onerror=alert(1)>", "`<img src=x onerror=alert(1)>`"},
                    Row{"link", "[a](https://example.org)", "`[a](https://example.org)`"},
                    Row{"mention", "@example/team #1", "`@example/team #1`"}, Row{"backtick", "a`b", "``a`b``"},
                    Row{"backtick_at_the_ends", "`a`", "`` `a` ``"},
                    Row{"run_of_backticks", "a```b``c", "````a```b``c````"},
                    Row{"spaces_at_the_ends", " a ", "`  a  `"}, Row{"bar", "a|b", "`a\\|b`"},
                    Row{"escaped_bar", "a\\|b", "`a\\\\x7cb`"}, Row{"backslash_at_the_end", "a\\", "`a\\`"},
                    Row{"newline_ends_no_row", "a\n| b |", "`a\\x0a\\| b \\|`"}, Row{"heading", "# x", "`# x`"},
                    Row{"command", "::error::x", "`\\x3a:error::x`"}),
    [](const auto& row) { return row.param.name; });

TEST(Markdown, LeavesBarsOutsideTables) { EXPECT_EQ(ForMarkdown("a|b"), "`a|b`"); }

TEST(Html, LeavesNothingThatStartsMarkup) {
  EXPECT_EQ(ForHtml("<script>\"a\" & 'b'</script>\x1b"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\\x1b");
}

TEST(Json, KeepsWhatIsValidAndSpellsWhatIsNot) {
  EXPECT_EQ(ForJson("a\n\x1b\u202e"), "a\n\x1b\u202e");
  EXPECT_EQ(ForJson("\xff/\\xff"), "\\xff/\\x5cxff");
  EXPECT_EQ(ForJson("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(Json, PrintsNoOldWorkflowCommand) {
  EXPECT_EQ(JsonDocument("[\"##[error]x ###[y\"]"), "[\"\\u0023#[error]x #\\u0023#[y\"]");
}

TEST(Escaping, MapsEveryByteToPrintableText) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string in(1, static_cast<char>(byte));
    for (const char c : ForTerminal(in)) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << byte;
    EXPECT_NE(ForMarkdown(in).front(), '\n') << byte;
  }
}

TEST(Escaping, PrintsNoTwoInputsAlike) {
  const std::vector<std::string> inputs = {"\x1b", "\\x1b", "\\x5cx1b", "\u202e", "\\u{202e}", "\\", "\xff", "\\xff"};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    for (std::size_t j = i + 1; j < inputs.size(); ++j) {
      EXPECT_NE(ForTerminal(inputs[i]), ForTerminal(inputs[j])) << i << ' ' << j;
    }
  }
}

TEST(CommandLine, QuotesAsAShellReads) {
  const std::vector<std::string> arguments = {"sh", "-c", "echo 'a' | nc", "", "--x=1"};
  EXPECT_EQ(CommandLine(arguments), "sh -c 'echo '\\''a'\\'' | nc' '' --x=1");
}

TEST(Shorten, CountsColumnsNotBytes) {
  EXPECT_EQ(Columns("a\u4e2d\u0436e\u0301"), 5U);
  EXPECT_EQ(Shorten("abcdef", 6), "abcdef");
  EXPECT_EQ(Shorten("abcdefg", 6), "abcde…");
  EXPECT_EQ(Shorten("\u4e2d\u4e2d\u4e2d", 4), "\u4e2d…");
  EXPECT_EQ(Shorten("ab", 1), "…");
}

TEST(DecodeUtf8, AcceptsTheShortestFormOnly) {
  EXPECT_EQ(DecodeUtf8("\xc3\xa9").code_point, 0xe9U);
  EXPECT_EQ(DecodeUtf8("\xf0\x9f\x98\x80").code_point, 0x1f600U);
  EXPECT_EQ(DecodeUtf8("\xc1\x81").bytes, 0U);
  EXPECT_EQ(DecodeUtf8("\xe0\x80\x81").bytes, 0U);
  EXPECT_EQ(DecodeUtf8("\xf8\x88\x80\x80\x80").bytes, 0U);
}

}  // namespace
}  // namespace weir::report
