// SPDX-License-Identifier: Apache-2.0
// Policies that people (or attackers) write, and what they are told: place, reason, suggestion.
#include <gmock/gmock.h>

#include <algorithm>

#include "policy/check.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

using std::string_literals::operator""s;

struct Row {
  std::string name;
  std::string text;
  int line;
  int column;
  std::string reason;      ///< substring
  std::string suggestion;  ///< substring
  Severity severity = Severity::kError;
};

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

const std::string kHead = "version: 1\nmode: block\nallow:\n";  // rules begin in line 4

const std::vector<Row> kRows = {
    // The file as a whole.
    {"EmptyFile", "", 1, 1, "the file is empty", "version: 1"},
    {"OnlyComments", "# nothing\n", 1, 1, "the file is empty", "weir policy suggest"},
    {"EmptyMap", "{}\n", 1, 1, "the file is empty", "version: 1"},
    {"ListAtTheTop", "- a\n", 1, 1, "must be a map, not a list", "keys are version"},
    {"ScalarAtTheTop", "allow everything\n", 1, 1, "must be a map, not `allow everything`", "keys are version"},
    {"TwoDocuments", kHead + "  - a.org\n---\nversion: 1\n", 5, 1, "second YAML document", "remove `---`"},
    {"NotUtf8", kHead + "  - a.org  # \xff\n", 4, 14, "not UTF-8: byte \\xff", "save the file as UTF-8"},
    {"Utf16", "\xff\xfev\0e\0r\0"s, 1, 1, "UTF-16", "UTF-8"},
    {"ByteOrderMark", "\xef\xbb\xbf" + kHead + "  - a.org\n", 1, 1, "byte order mark", "without byte order mark",
     Severity::kWarning},
    {"CrLf", "version: 1\r\nmode: block\r\nallow: [a.org]\r\n", 1, 11, "CR LF", "LF line ends", Severity::kWarning},
    {"LoneCarriageReturn", kHead + "  - a.org # x\r  - b.org\n", 4, 14, "carriage return", "line feed only"},
    {"TabIndent", "version: 1\nmode: block\nallow:\n\t- a.org\n", 4, 1, "tab in the indentation", "spaces"},
    {"BidirectionalControl", kHead + "  - a.org  # \xe2\x80\xae gro.b\n", 4, 14, "invisible character (\\u{202e})",
     "what reviewers see"},
    {"ZeroWidthSpace", kHead + "  - a\xe2\x80\x8b.org\n", 4, 6, "\\u{200b}", "remove it"},
    {"EscapeSequence", kHead + "  - a.org # \x1b[2K\n", 4, 13, "\\x1b", "remove it"},
    {"NulByte", kHead + "  - a\0.org\n"s, 4, 6, "\\x00", "remove it"},
    {"UnclosedQuote", kHead + "  - \"a.org\n", 4, 5, "quote that is never closed", "closing `\"`"},
    {"UnclosedList", "version: 1\nmode: block\nallow: [a.org\n", 4, 1, "not valid YAML", "check quotes"},
    {"BadIndent", "version: 1\n mode: block\n", 2, 6, "not valid YAML", "indentation"},
    {"DeepNesting", kHead + "  - " + std::string(40, '[') + std::string(40, ']') + "\n", 4, 19, "nested deeper",
     "simplify"},
    // YAML features that hide what is meant.
    {"Alias", "version: 1\nmode: block\nallow: &a [a.org]\ndeny: *a\n", 4, 7, "an alias", "write the value out"},
    {"Anchor", kHead + "  - &x a.org\n", 4, 5, "an anchor", "write the value out"},
    {"AliasBomb", "a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nversion: 1\nmode: audit\n", 2, 8, "an alias",
     "no anchors and aliases"},
    {"Tag", kHead + "  - !!str a.org\n", 4, 5, "a YAML tag", "remove it"},
    {"MergeKey", "version: 1\nmode: block\n<<: {allow: [a.org]}\n", 3, 1, "unknown key `<<`", "Keys here are version"},
    {"UnquotedWildcard", kHead + "  - *.example.org:443\n", 4, 5, "must stand in quotes", "`\"*.example.org:443\"`"},
    {"UnquotedIpv6WithPort", kHead + "  - [2001:db8::1]:443\n", 4, 5, "must stand in quotes",
     "`\"[2001:db8::1]:443\"`"},
    {"UnquotedIpv6", kHead + "  - [2001:db8::1]\n", 4, 5, "not a list", "\"[2001:db8::1]:443\""},
    // Keys.
    {"VersionMissing", "mode: audit\n", 1, 1, "`version` is missing", "version: 1"},
    {"VersionUnknown", "version: 2\nmode: audit\n", 1, 10, "version `2` is not known", "version: 1"},
    {"VersionQuoted", "version: \"1\"\nmode: audit\n", 1, 10, "must be a number", "version: 1"},
    {"ModeMissing", "version: 1\nallow: [a.org]\n", 1, 1, "`mode` is missing", "mode: block"},
    {"ModeMisspelt", "version: 1\nmode: blok\n", 2, 7, "`blok` is not a mode", "did you mean `block`?"},
    {"ModeEmpty", "version: 1\nmode:\nallow: [a.org]\n", 2, 1, "`mode` must be one value, not nothing", "mode: audit"},
    {"UnknownKey", "version: 1\nmode: audit\nalow: [a.org]\n", 3, 1, "unknown key `alow`", "did you mean `allow`?"},
    {"UnknownKeyInRule", kHead + "  - endpoint: a.org\n    reasn: x\n", 5, 5, "unknown key `reasn` in a rule",
     "did you mean `reason`?"},
    {"DuplicateTopKey", kHead + "  - a.org\nmode: audit\n", 5, 1, "the key `mode` stands twice (first in line 2)",
     "remove one"},
    {"DuplicateKeyInRule", kHead + "  - endpoint: a.org\n    endpoint: b.org\n", 5, 5, "`endpoint` stands twice",
     "remove one"},
    {"DuplicateJob", "version: 1\nmode: audit\njobs:\n  b: {mode: audit}\n  b: {mode: block}\n", 5, 3,
     "`b` stands twice", "merge"},
    {"DuplicateGuardClass", "version: 1\nmode: audit\nguard: {tun: deny, tun: allow}\n", 3, 20, "`tun` stands twice",
     "remove one"},
    {"KeyThatIsAList", "version: 1\nmode: audit\n? [a]\n: b\n", 3, 3, "a key must be a word", "keys here"},
    // Lists of rules.
    {"AllowWithoutValue", "version: 1\nmode: block\nallow:\n", 3, 1, "`allow` is empty", "allow: none"},
    {"AllowEmptyList", "version: 1\nmode: block\nallow: []\n", 3, 8, "`allow` is empty", "allow: none"},
    {"DenyEmptyList", kHead + "  - a.org\ndeny: []\n", 5, 7, "`deny` is empty", "remove the key"},
    {"AllowIsText", "version: 1\nmode: block\nallow: a.org b.org\n", 3, 8, "must be a list", "- host:port"},
    {"AllowIsMap", "version: 1\nmode: block\nallow: {a: b}\n", 3, 8, "must be a list, not a map", "- host:port"},
    {"EmptyItem", kHead + "  - a.org\n  -\n  - b.org\n", 5, 3, "not nothing", "- example.org:443"},
    {"RuleWithoutEndpoint", kHead + "  - reason: x\n", 4, 5, "without `endpoint`", "- endpoint:"},
    {"EndpointIsMap", kHead + "  - a.org: 443\n", 4, 5, "unknown key `a.org`", "endpoint"},
    {"EndpointIsList", kHead + "  - endpoint: [a.org]\n", 4, 15, "must be text, not a list", "quotes"},
    {"NothingAllowed", "version: 1\nmode: block\ndeny: [a.org]\n", 2, 1, "nothing is allowed", "allow: none"},
    // Endpoints: place within the text.
    {"PublicSuffix", kHead + "  - \"*.co.uk\"\n", 4, 6, "public suffix", "`*.example.co.uk`"},
    {"TwoStars", kHead + "  - \"*.*.example.org\"\n", 4, 8, "any depth", "`*.example.org`"},
    {"PortZero", kHead + "  - a.org:0\n", 4, 11, "`0` is not a port", "1 to 65535"},
    {"PortInQuotedEndpoint", kHead + "  - \"a.org:65536\"\n", 4, 12, "`65536` is not a port", "1 to 65535"},
    {"Url", kHead + "  - https://a.org/x\n", 4, 5, "a URL", "`a.org:443`"},
    {"HostBits", kHead + "  - endpoint: 10.1.2.3/8:443\n", 4, 15, "bits set behind the prefix", "`10.0.0.0/8:443`"},
    {"DefaultRoute", kHead + "  - 0.0.0.0/0\n", 4, 5, "every address of the internet", "name the hosts",
     Severity::kWarning},
    {"Metadata", kHead + "  - 169.254.169.254:80\n", 4, 5, "metadata service", "deny 169.254.169.254",
     Severity::kWarning},
    {"SharedHost", kHead + "  - \"*.github.io\"\n", 4, 6, "shared host", "exact host", Severity::kWarning},
    // Fields of rules.
    {"ProcessRelativePath", kHead + "  - endpoint: a.org\n    process: [bin/npm]\n", 5, 15, "neither an absolute path",
     "`npm`"},
    {"ProcessNameTooLong", kHead + "  - endpoint: a.org\n    process: [" + std::string(60, 'x') + "]\n", 5, 15,
     "longer than 59 bytes", "absolute path"},
    {"ProcessDotDot", kHead + "  - endpoint: a.org\n    process: /usr/../npm\n", 5, 14, "not a plain path", "`..`"},
    {"ProcessEmptyList", kHead + "  - endpoint: a.org\n    process: []\n", 5, 14, "an empty list", "every process"},
    {"ProcessInDeny", kHead + "  - a.org\ndeny:\n  - endpoint: b.org\n    process: [npm]\n", 7, 5,
     "cannot stand in a deny rule", "every process"},
    {"ExpiresInDeny", kHead + "  - a.org\ndeny:\n  - endpoint: b.org\n    expires: 2027-01-01\n", 7, 5,
     "cannot stand in a deny rule", "ends by itself"},
    {"NoSuchDay", kHead + "  - endpoint: a.org\n    expires: 2027-02-29\n", 5, 14, "`2027-02-29` is not a date",
     "YYYY-MM-DD"},
    {"Expired", kHead + "  - b.org\n  - endpoint: a.org\n    expires: 2026-05-31\n", 5, 15, "expired on 2026-05-31",
     "remove the rule", Severity::kWarning},
    {"EscapeInReason", kHead + "  - endpoint: a.org\n    reason: \"\\e[2J\"\n", 5, 13, "control or invisible",
     "remove"},
    // Settings.
    {"ResolverName", "version: 1\nmode: audit\ndns: {resolvers: [dns.example.org]}\n", 3, 19, "not the address",
     "192.0.2.53"},
    {"ResolversEmpty", "version: 1\nmode: audit\ndns: {resolvers: []}\n", 3, 18, "an empty list", "[system]"},
    {"MaxAge", "version: 1\nmode: audit\ndns:\n  max_age: 30\n", 4, 12, "`30` is not a time", "`30m`"},
    {"GuardClass", "version: 1\nmode: audit\nguard: {tunn: deny}\n", 3, 9, "unknown key `tunn`", "did you mean `tun`?"},
    {"GuardAction", "version: 1\nmode: audit\nguard: {tun: off}\n", 3, 14, "`off` is not a value", "`report`"},
    {"GuardReportsAKind", "version: 1\nmode: audit\nguard: {raw: report}\n", 3, 14, "kind of socket", "`allow`"},
    {"SocketsList", "version: 1\nmode: audit\nsockets: [/run/x]\n", 3, 10, "must be a map", "/run/docker.sock: allow"},
    {"SocketsPath", "version: 1\nmode: audit\nsockets: {run/x: allow}\n", 3, 11, "not the path", "absolute path"},
    {"SocketsDots", "version: 1\nmode: audit\nsockets: {/run/../x: allow}\n", 3, 11, "not the path", "absolute path"},
    {"SocketsTwoSlashes", "version: 1\nmode: audit\nsockets: {/run//x: allow}\n", 3, 11, "not the path",
     "absolute path"},
    {"SocketsAction", "version: 1\nmode: audit\nsockets: {/run/x: report}\n", 3, 19, "`report` is not", "`deny`"},
    {"SocketsTwice", "version: 1\nmode: audit\nsockets: {/run/x: deny, /run/x: allow}\n", 3, 25, "stands twice",
     "remove one"},
    {"OnDeny", "version: 1\nmode: audit\non_deny: abort\n", 3, 10, "`abort` is not a value", "on_deny: fail"},
    {"Leftovers", "version: 1\nmode: audit\nleftovers: end\n", 3, 12, "`end` is not a value", "leftovers: kill"},
    {"JobsEmpty", "version: 1\nmode: audit\njobs:\n", 3, 1, "map of job names", "remove the key"},
    {"JobWithInclude", "version: 1\nmode: audit\njobs:\n  b: {include: [x]}\n", 4, 7, "unknown key `include`", "mode"},
    {"IncludeIsText", "version: 1\nmode: audit\ninclude: x.yml\n", 3, 10, "must be a list", "[egress/common.yml]"},
    {"IncludeAbsolute", "version: 1\nmode: audit\ninclude: [/etc/passwd]\n", 3, 11, "an absolute path", "relative"},
    {"IncludeOutside", "version: 1\nmode: audit\ninclude: [../x.yml]\n", 3, 11, "out of the repository",
     "copy the file"},
};

class BadFile : public testing::TestWithParam<Row> {};

TEST_P(BadFile, IsToldWhereWhyAndWhatInstead) {
  const Row& row = GetParam();
  LoadResult loaded = LoadText(row.text, "egress.yml", ReaderOf({}));
  std::vector<Fault> faults = loaded.faults;
  if (loaded.ok()) {
    const auto checked = Check(loaded.policy, kToday);
    faults.insert(faults.end(), checked.begin(), checked.end());
  }
  const std::string all = FormatFaults(faults, *loaded.policy.sources);
  const auto hit = std::find_if(faults.begin(), faults.end(), [&](const Fault& fault) {
    return fault.line == row.line && fault.column == row.column && fault.severity == row.severity &&
           fault.reason.find(row.reason) != std::string::npos;
  });
  ASSERT_NE(hit, faults.end()) << "got:\n" << all;
  EXPECT_THAT(hit->suggestion, testing::HasSubstr(row.suggestion));
  EXPECT_EQ(hit->file, "egress.yml");
  EXPECT_EQ(HasError(faults), row.severity == Severity::kError) << all;
  for (const Fault& fault : faults) EXPECT_FALSE(fault.suggestion.empty()) << fault.reason;
}

INSTANTIATE_TEST_SUITE_P(Table, BadFile, testing::ValuesIn(kRows), [](const auto& row) { return row.param.name; });

TEST(BadFiles, AreReportedWithAllTheirFaultsAtOnce) {
  const LoadResult loaded = LoadText(
      "mode: blok\nallow:\n  - *.example.org\n  - a.org:0\n  - endpoint: b.org\n    expires: soon\ndns: {max_age: 1}\n",
      "egress.yml");
  std::vector<int> lines;
  for (const Fault& fault : loaded.faults) lines.push_back(fault.line);
  EXPECT_THAT(lines, testing::ElementsAre(1, 1, 3, 4, 6, 7)) << FormatFaults(loaded.faults, *loaded.policy.sources);
}

TEST(BadFiles, WithThousandsOfFaultsSayHowManyAreNotShown) {
  std::string text = kHead;
  for (int i = 0; i < 3'000; ++i) text += "  - a.org:0\n";
  const LoadResult loaded = LoadText(text, "egress.yml");
  ASSERT_EQ(loaded.faults.size(), kMaxFaults + 1);
  EXPECT_EQ(loaded.faults.back().reason, "2000 more faults are not shown");
  EXPECT_FALSE(loaded.ok());
}

TEST(BadFiles, WarningsDoNotCrowdOutAnError) {
  std::string text = kHead;
  for (int i = 0; i < 3'000; ++i) text += "  - 0.0.0.0/0\n";
  EXPECT_FALSE(LoadText(text + "  - a.org:0\n", "egress.yml").ok());
}

// yaml-cpp never gets past the comma; each attempt would be one more document, up to the bound on values.
TEST(BadFiles, ThatNeverAdvanceTheParserAreGivenUpAtOnce) {
  for (const char* text : {",aDa [x]\nD", ",", "]", "}", ", \nversion: 1\n"}) {
    const LoadResult loaded = LoadText(text, "egress.yml");
    EXPECT_FALSE(loaded.ok()) << text;
    for (const Fault& fault : loaded.faults)
      EXPECT_THAT(fault.reason, testing::Not(testing::HasSubstr("values"))) << text;
  }
}

TEST(BadFiles, LargerThanTheBoundAreRefusedUnread) {
  const LoadResult loaded = LoadText(std::string(kMaxPolicyBytes + 1, '#'), "egress.yml");
  ASSERT_EQ(loaded.faults.size(), 1u);
  EXPECT_THAT(loaded.faults[0].reason, testing::HasSubstr("larger than 16 MiB"));
}

TEST(BadFiles, WithTooManyRulesAreRefused) {
  std::string text = kHead;
  for (std::size_t i = 0; i <= kMaxPolicyRules; ++i) text += "  - a.org\n";
  const LoadResult loaded = LoadText(text, "egress.yml");
  ASSERT_EQ(loaded.faults.size(), 1u);
  EXPECT_EQ(loaded.faults[0].line, static_cast<int>(kMaxPolicyRules) + 4);
}

TEST(GoodFiles, LoadWithEveryKey) {
  const LoadResult loaded = LoadText(
      R"(# every key
version: 1
mode: block
allow:
  - github.com:443
  - "*.githubusercontent.com:443"
  - Registry.Example.org
  - 10.20.0.0/16:5432
  - "[2001:db8::/32]:443"
  - endpoint: time.example.org:123/udp
    reason: clock for the signing step
  - endpoint: packages.example.org:443
    process: [/usr/bin/npm, node]
    expires: 2027-03-01
    owner: build-team
deny:
  - 169.254.169.254
include: [egress/common.yml]
dns: {resolvers: [system, 192.0.2.53], max_age: 30m}
guard: {tun: allow, ping: allow}
on_deny: fail
jobs:
  build-gpu:
    mode: audit
    allow: [nvidia.example.org:443]
)",
      ".github/egress.yml", ReaderOf({{".github/egress/common.yml", "version: 1\nallow: [common.example.org]\n"}}));
  EXPECT_TRUE(loaded.ok()) << FormatFaults(loaded.faults, *loaded.policy.sources);
  // GitHub users share that domain, which reviewers are told; nothing else is remarkable.
  ASSERT_EQ(loaded.faults.size(), 1u);
  EXPECT_EQ(loaded.faults[0].line, 6);
  const ParsedPolicy& policy = loaded.policy;
  EXPECT_EQ(policy.mode, Mode::kBlock);
  ASSERT_EQ(policy.rules.size(), 9u);
  EXPECT_EQ(FormatEndpoint(policy.rules[2].endpoint), "registry.example.org:443");
  EXPECT_EQ(policy.rules[2].at, (Position{".github/egress.yml", 7, 5}));
  EXPECT_EQ(policy.rules[6].processes, (std::vector<std::string>{"/usr/bin/npm", "node"}));
  EXPECT_EQ(FormatDate(policy.rules[6].expires.value()), "2027-03-01");
  EXPECT_TRUE(policy.rules[7].deny);
  EXPECT_EQ(policy.rules[8].at.file, ".github/egress/common.yml");
  EXPECT_EQ(policy.dns.max_age_seconds, 1800u);
  EXPECT_EQ(policy.dns.resolvers, std::vector{Addr("192.0.2.53")});
  EXPECT_EQ(policy.on_deny, OnDeny::kFail);
  ASSERT_EQ(policy.jobs.size(), 1u);
  EXPECT_EQ(policy.jobs[0].name, "build-gpu");
}

}  // namespace
}  // namespace weir::policy
