// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "policy/diff.h"
#include "policy/text.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kPolicy = Block(R"(allow:
  - github.com:443
  - "*.example.org:443"
  - endpoint: packages.example.net:443
    process: [/usr/bin/npm, node]
    reason: packages
    owner: build-team
  - 10.0.0.0/8:5432
  - 10.1.2.3:22
  - endpoint: old.example.com
    expires: 2020-01-01
deny:
  - bad.example.org
  - 10.9.0.0/16
)");

struct Row {
  std::string name, endpoint, process, verdict, why, rule;
  std::string sentence;     ///< substring
  std::string alternative;  ///< substring of the notes; empty: not looked at
};
std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

const std::vector<Row> kRows = {
    {"Name", "github.com", "", "allow", "name", "github.com:443", "Allowed by the rule `github.com:443` (egress.yml:4)",
     ""},
    {"Wildcard", "a.b.example.org:443", "", "allow", "name", "*.example.org:443", "the lookup of the name passes", ""},
    {"Apex", "example.org", "", "deny", "dns-name", "", "no rule names this host", "covers names below it"},
    {"Below", "api.github.com", "", "deny", "dns-name", "", "no rule names this host", "write `*.github.com`"},
    {"OtherPort", "github.com:22", "", "deny", "no-rule", "", "no rule allows port 22", "allows port 443 only"},
    {"BoundAllowed", "packages.example.net", "/usr/bin/npm", "allow", "name", "packages.example.net:443", "Allowed",
     ""},
    {"BoundByName", "packages.example.net", "/opt/node", "allow", "name", "packages.example.net:443", "Allowed", ""},
    {"BoundDenied", "packages.example.net", "/usr/bin/curl", "deny", "process", "packages.example.net:443",
     "admits only /usr/bin/npm, node, not `/usr/bin/curl`", ""},
    {"BoundNoProcess", "packages.example.net", "", "deny", "process", "packages.example.net:443", "any other process",
     ""},
    {"DenyName", "bad.example.org", "", "deny", "dns-name", "bad.example.org", "the deny rule `bad.example.org`",
     "a deny rule goes first"},
    {"Cidr", "10.3.4.5:5432", "", "allow", "cidr", "10.0.0.0/8:5432", "Allowed by the rule", ""},
    {"Exact", "10.1.2.3:22", "", "allow", "rule", "10.1.2.3:22", "Allowed", ""},
    {"DenyCidr", "10.9.1.1:5432", "", "deny", "deny-rule", "10.9.0.0/16", "the deny rule", "a deny rule goes first"},
    {"NoRule", "192.0.2.1", "", "deny", "no-rule", "", "no rule allows this address", ""},
    {"Loopback", "127.0.0.1:8080", "", "allow", "loopback", "", "loopback is always allowed", ""},
    {"Expired", "old.example.com", "", "deny", "dns-name", "", "no rule names", "expired on 2020-01-01"},
};

class Explained : public testing::TestWithParam<Row> {};

TEST_P(Explained, NamesTheRuleThatDecides) {
  const Row& row = GetParam();
  const auto result = Explain(MustCompile(kPolicy), {row.endpoint, row.process});
  ASSERT_TRUE(result) << result.error().what;
  EXPECT_EQ(result->verdict, row.verdict);
  EXPECT_EQ(result->why, row.why);
  EXPECT_EQ(result->rule ? result->rule->text : "", row.rule);
  EXPECT_THAT(result->sentence, HasSubstr(row.sentence));
  std::string notes;
  for (const Alternative& other : result->alternatives) notes += other.text + " " + other.note + "\n";
  EXPECT_THAT(notes, HasSubstr(row.alternative));
}

INSTANTIATE_TEST_SUITE_P(Table, Explained, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

TEST(Explain, InAuditModeSaysWhatBlockModeWouldDo) {
  const auto result = Explain(MustCompile("version: 1\nmode: audit\nallow: [a.org]\n"), {"b.org", ""});
  EXPECT_EQ(result->verdict, "would-deny");
  EXPECT_THAT(result->sentence, HasSubstr("block mode would deny"));
}

TEST(Explain, RefusesWhatIsNoSingleEndpoint) {
  for (const char* query : {"*.example.org", "10.0.0.0/8", "a.org:*/any", "https://a.org", ""}) {
    const auto result = Explain(MustCompile(kPolicy), {query, ""});
    ASSERT_FALSE(result) << query;
    EXPECT_EQ(result.error().code, Code::kInvalid);
  }
}

TEST(Explain, RendersAsJsonAndText) {
  const auto result = Explain(MustCompile(kPolicy), {"packages.example.net", "node"});
  const auto json = ExplainJson(*result);
  EXPECT_EQ(json["schema"], "weir.policy-explain.v1");
  EXPECT_EQ(json["rule"]["line"], 6);
  EXPECT_EQ(json["rule"]["owner"], "build-team");
  EXPECT_THAT(FormatExplanation(*result), HasSubstr("packages.example.net:443 from node: allow (name)"));
  EXPECT_TRUE(ExplainJson(*Explain(MustCompile(kPolicy), {"b.org", ""}))["rule"].is_null());
}

TEST(Format, ShowsTheLineWithACaret) {
  const LoadResult loaded = LoadText(Block("allow:\n  - \"\xc3\xbc.org:0\"\n"), "egress.yml");
  EXPECT_EQ(FormatFaults(loaded.faults, *loaded.policy.sources),
            "egress.yml:4:13: error: `0` is not a port\n"
            "      - \"\xc3\xbc.org:0\"\n"
            "               ^\n"
            "    help: ports are numbers from 1 to 65535; `:*` is any port\n");
}

TEST(Format, ShowsPartOfALongLine) {
  const std::string item = std::string(60, 'a') + ".org:0, ";
  std::string list;
  for (int i = 0; i < 20; ++i) list += item;
  const LoadResult loaded = LoadText(Block("allow: [" + list + "]\n"), "egress.yml");
  for (const std::string_view line : Split(FormatFaults(loaded.faults, *loaded.policy.sources), '\n')) {
    EXPECT_LE(line.size(), 130u);
  }
}

TEST(Format, NeverSendsATerminalWhatARepositoryWrote) {
  const LoadResult loaded =
      LoadText("\x1b[31mversion: 1\nmode: \"\\e[2J\"\nallow: [\"\xe2\x80\xae\"]\n\xff\n", "a\x1b[m\n::error.yml");
  const std::string text = FormatFaults(loaded.faults, *loaded.policy.sources);
  EXPECT_EQ(text.find('\x1b'), text.npos);
  EXPECT_EQ(text.find("\xe2\x80\xae"), text.npos);
  EXPECT_EQ(text.find("\n::"), text.npos);
  EXPECT_NO_THROW((void)CheckJson("a\xff", loaded.faults).dump()) << "JSON must be valid UTF-8";
}

TEST(Format, GivesARunnerNoCommandOfARepository) {
  const LoadResult loaded = LoadText(
      "::error file=x::owned: 1\n\xc2\xa0::warning::y: 2\n\"##[error]z\": {##[: 0}\nversion: 1\nmode: audit\n"
      "allow:\n  - {endpoint: \"a.org:0\", reason: \"##[group]\"}\n",
      "egress.yml");
  const std::string text = FormatFaults(loaded.faults, *loaded.policy.sources);
  for (const std::string_view line : Split(text, '\n')) {
    EXPECT_EQ(line.find("##["), line.npos) << line;
    EXPECT_FALSE(line.substr(std::min(line.find_first_not_of(" \xc2\xa0"), line.size())).starts_with("::")) << line;
  }
  EXPECT_THAT(text, HasSubstr("    \\x3a:error file=x::owned: 1\n    ^\n")) << "the caret stays where it was";

  const CompiledPolicy policy =
      MustCompile(Block("allow: [{endpoint: a.org, reason: \"##[error]x\", owner: \"##[warning]\"}]"));
  EXPECT_THAT(FormatExplanation(*Explain(policy, {"a.org", ""})), Not(HasSubstr("##[")));
}

TEST(Format, PutsTheCaretBehindWhatWasEscaped) {
  const LoadResult loaded = LoadText(Block("allow: [{reason: \"##[x]\", endpoint: \"a.org:0\"}]\n"), "egress.yml");
  const std::string text = FormatFaults(loaded.faults, *loaded.policy.sources);
  const auto lines = Split(text, '\n');
  ASSERT_GE(lines.size(), 3u);
  EXPECT_EQ(lines[1].find(":0"), lines[2].find('^') - 1) << text;
}

TEST(Format, JsonBeginsWithTheSchemaAndLeavesNothingOut) {
  const auto explained = ExplainJson(*Explain(MustCompile(kPolicy), {"packages.example.net", "node"}));
  EXPECT_EQ(explained.begin().key(), "schema");
  for (const char* member : {"rule_id", "rule", "deny", "file", "line", "column", "reason", "owner", "expires"}) {
    EXPECT_TRUE(explained["rule"].contains(member)) << member;
  }
  EXPECT_EQ(CheckJson("egress.yml", {}).begin().key(), "schema");
  const auto diff = DiffJson(Diff(MustCompile(Block("allow: [a.org]")), MustCompile(Block("allow: [b.org]"))));
  EXPECT_EQ(diff.begin().key(), "schema");
  for (const auto& change : diff["changes"]) {
    for (const char* member : {"kind", "endpoint", "before", "after", "related_rule"}) {
      EXPECT_TRUE(change.contains(member)) << member;
    }
    EXPECT_TRUE(change["before"].contains("rule"));
  }
}

TEST(Format, CheckJsonCounts) {
  const LoadResult loaded = LoadText(Block("allow: [a.org:0, 0.0.0.0/0]\n"), "egress.yml");
  const auto json = CheckJson("egress.yml", loaded.faults);
  EXPECT_EQ(json["schema"], "weir.policy-check.v1");
  EXPECT_EQ(json["valid"], false);
  EXPECT_EQ(json["errors"], 1);
  EXPECT_EQ(json["warnings"], 1);
  EXPECT_EQ(json["faults"][0]["column"], 15);
}

TEST(Text, DecodesOnlyValidUtf8) {
  for (const std::string text :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82", "\x80"}) {
    EXPECT_FALSE(DecodeUtf8(text, 0)) << Printable(text);
  }
  EXPECT_EQ(DecodeUtf8("\xf0\x9f\x98\x80", 0)->value, U'\U0001f600');
  EXPECT_EQ(Printable("a\x1b\xff\n\xc2\x85\xe2\x80\xae\xc3\xbc"), "a\\x1b\\xff\\x0a\\u{0085}\\u{202e}\xc3\xbc");
  EXPECT_EQ(Printable(Printable("\x1b\xff")), Printable("\x1b\xff"));
}

TEST(Text, NearestIsNearOrNothing) {
  constexpr std::array<std::string_view, 3> words = {"allow", "deny", "include"};
  EXPECT_EQ(Nearest("alow", words), "allow");
  EXPECT_EQ(Nearest("dney", words), "deny");
  EXPECT_EQ(Nearest("Include", words), "include");
  EXPECT_EQ(Nearest("xyz", words), "");
}

}  // namespace
}  // namespace weir::policy
