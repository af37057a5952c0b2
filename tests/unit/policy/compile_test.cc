// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "bpf/abi.h"
#include "policy/check.h"
#include "policy/matcher.h"
#include "policy/wire.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

// "a.org", or "*.a.org" for the wildcard's own entry.
const NameRule* Entry(const CompiledPolicy& policy, std::string_view name) {
  const bool wildcard = name.starts_with("*.");
  const std::string wire = ToWire(wildcard ? name.substr(2) : name);
  const auto found = std::find_if(policy.names.begin(), policy.names.end(),
                                  [&](const NameRule& rule) { return rule.wire == wire && rule.wildcard == wildcard; });
  return found == policy.names.end() ? nullptr : &*found;
}

// "443 80*": ports in the order of the entry; a star marks a bound one. "deny" for a denial.
std::string Ports(const CompiledPolicy& policy, std::string_view name) {
  const NameRule* entry = Entry(policy, name);
  if (entry == nullptr) return "none";
  if (entry->deny) return entry->ports.empty() ? "deny" : "deny with ports";
  std::string out;
  for (const NamePort& port : entry->ports) {
    out += (out.empty() ? "" : " ") + FormatPort(port.port, port.protocol) + (port.processes == kAnyProcess ? "" : "!");
  }
  return out;
}

std::string RuleText(const CompiledPolicy& policy, std::uint32_t id) {
  return id == 0 ? "" : policy.rules.at(id - 1).text;
}

Fault FirstError(const CompileResult& result) {
  for (const Fault& fault : result.faults) {
    if (fault.severity == Severity::kError) return fault;
  }
  return {};
}

CompileResult TryCompile(std::string_view text, CompileOptions options = {}) {
  options.today = kToday;
  return Compile(MustLoad(text), options);
}

TEST(CompileNames, TheMostSpecificEntryHasThePortsOfAllThatCoverIt) {
  const CompiledPolicy policy = MustCompile(
      Block("allow: [\"*.example.org:443\", \"*.a.example.org:80\", \"x.a.example.org:22\", \"example.org:25\"]"));
  EXPECT_EQ(Ports(policy, "*.example.org"), "443");
  EXPECT_EQ(Ports(policy, "*.a.example.org"), "80 443");
  EXPECT_EQ(Ports(policy, "x.a.example.org"), "22 80 443");
  EXPECT_EQ(Ports(policy, "example.org"), "25") << "a wildcard does not cover the apex";
}

TEST(CompileNames, AnUnboundRuleBeatsABoundOne) {
  const CompiledPolicy policy = MustCompile(
      Block("allow:\n  - {endpoint: a.example.org, process: npm}\n  - \"*.example.org\"\n"
            "  - {endpoint: \"*.example.net\", process: npm}\n  - {endpoint: a.example.net, process: pip}\n"));
  EXPECT_EQ(Ports(policy, "a.example.org"), "443");
  EXPECT_EQ(RuleText(policy, Entry(policy, "a.example.org")->ports[0].rule_id), "*.example.org");
  ASSERT_EQ(Ports(policy, "a.example.net"), "443!");
  EXPECT_EQ(Entry(policy, "a.example.net")->ports[0].processes, 0b11u) << "npm and pip";
}

TEST(CompileNames, AnyPortFoldsIntoThePortsOfTheSameProtocol) {
  const CompiledPolicy policy =
      MustCompile(Block("allow:\n  - {endpoint: \"a.org:*\", process: npm}\n  - {endpoint: a.org, process: pip}\n"
                        "  - a.org:53/udp\n  - b.org:*\n  - b.org:80\n"));
  EXPECT_EQ(Ports(policy, "a.org"), "*! 443! 53/udp");
  EXPECT_EQ(Entry(policy, "a.org")->ports[1].processes, 0b11u);
  EXPECT_EQ(Ports(policy, "b.org"), "*") << "an unbound any-port entry says it all";
}

TEST(CompileNames, AnyProtocolMeansThoseWhoseSocketsTheJobMayHave) {
  EXPECT_EQ(Ports(MustCompile(Block("allow: [\"a.org:*/any\"]")), "a.org"), "* */udp");
  EXPECT_EQ(Ports(MustCompile(Block("allow: [\"a.org:*/any\"]\nguard: {sctp: allow, ping: allow}")), "a.org"),
            "*/icmp * */udp */icmp6 */sctp");
}

TEST(CompileNames, ADenyWithoutPortRefusesLookupsWhateverIsAllowed) {
  const CompiledPolicy policy = MustCompile(
      Block("allow: [\"*.example.org\", a.bad.example.org, bad.example.org]\ndeny: [\"*.bad.example.org\"]"));
  EXPECT_EQ(Ports(policy, "*.bad.example.org"), "deny");
  EXPECT_EQ(Ports(policy, "a.bad.example.org"), "deny");
  EXPECT_EQ(RuleText(policy, Entry(policy, "a.bad.example.org")->rule_id), "*.bad.example.org");
  EXPECT_EQ(Ports(policy, "bad.example.org"), "443") << "a wildcard does not cover the apex";
}

TEST(CompileNames, ADenyOfANameDoesNotReachBelowIt) {
  const CompiledPolicy policy = MustCompile(Block("allow: [\"*.example.org\"]\ndeny: [bad.example.org]"));
  EXPECT_EQ(Ports(policy, "bad.example.org"), "deny");
  const Matcher matcher(policy);
  EXPECT_TRUE(matcher.DecideName(ToWire("x.bad.example.org"), 443, kTcp, 0).allowed);
  EXPECT_FALSE(matcher.DecideName(ToWire("bad.example.org"), 443, kTcp, 0).allowed);
}

TEST(CompileNames, ADenyWithPortTakesThatPortAway) {
  const CompiledPolicy policy = MustCompile(
      Block("allow: [\"*.example.org:443\", \"*.example.org:80\", c.example.org:22]\n"
            "deny: [\"a.example.org:80\", \"*.b.example.org:443\", \"*.b.example.org:80\", \"*.example.org:22\"]"));
  EXPECT_EQ(Ports(policy, "a.example.org"), "443");
  EXPECT_EQ(Ports(policy, "*.b.example.org"), "deny") << "nothing stays";
  EXPECT_EQ(Ports(policy, "c.example.org"), "80 443");
  EXPECT_EQ(Ports(policy, "*.example.org"), "80 443");
}

TEST(CompileNames, ADenyThatNothingAllowsIsStillNamed) {
  const CompiledPolicy policy = MustCompile(Block("allow: [a.org]\ndeny: [b.org:22]"));
  EXPECT_EQ(Ports(policy, "b.org"), "deny");
  EXPECT_EQ(RuleText(policy, Entry(policy, "b.org")->rule_id), "b.org:22");
}

TEST(CompileNames, AHoleInAnyPortIsAFaultAndNotAGuess) {
  const CompileResult result = TryCompile(Block("allow: [\"*.example.org:*\"]\ndeny: [\"a.example.org:25\"]"));
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(FirstError(result).reason, testing::HasSubstr("denies one port"));
  EXPECT_EQ(FirstError(result).line, 4);
}

TEST(CompileNames, MoreThanEightPortsAreAFaultAlsoWhenInherited) {
  std::string wide = "allow:\n";
  for (int port = 1; port <= 8; ++port) wide += "  - \"*.example.org:" + std::to_string(port) + "\"\n";
  EXPECT_TRUE(TryCompile(Block(wide)).ok());
  const CompileResult result = TryCompile(Block(wide + "  - a.example.org:9\n"));
  EXPECT_THAT(FirstError(result).reason, testing::HasSubstr("more than 8 ports for `a.example.org`"));
  EXPECT_EQ(FirstError(result).line, 12);
  EXPECT_TRUE(TryCompile(Block(wide + "  - a.example.org:*\n")).ok()) << "any port takes the place of all";
}

TEST(CompileAddresses, MappedAndNat64AreJudgedAsIpv4) {
  const CompiledPolicy policy = MustCompile(Block("allow: [\"[::/0]:443\"]\ndeny: [192.0.2.0/24]"));
  const Matcher matcher(policy);
  EXPECT_TRUE(matcher.Decide(Addr("2001:db8::1"), 443, kTcp, 0).allowed);
  EXPECT_EQ(matcher.Decide(Addr("198.51.100.1"), 443, kTcp, 0).why, "no-rule") << "::/0 is not IPv4";
  EXPECT_EQ(matcher.Decide(Addr("64:ff9b::c633:6401"), 443, kTcp, 0).why, "no-rule");
  EXPECT_EQ(matcher.Decide(Addr("64:ff9b::c000:201"), 443, kTcp, 0).why, "deny-rule");
  // It leaves this host: not loopback, whatever it embeds.
  EXPECT_EQ(matcher.Decide(Addr("64:ff9b::7f00:1"), 80, kTcp, 0).why, "no-rule");
  EXPECT_EQ(matcher.Decide(Addr("::ffff:192.0.2.1"), 443, kTcp, 0).why, "deny-rule");
}

TEST(CompileAddresses, TheLongestMatchHasTheExecutablesOfAllThatCoverIt) {
  const CompiledPolicy policy =
      MustCompile(Block("allow:\n  - {endpoint: 10.0.0.0/8, process: a}\n  - {endpoint: 10.1.0.0/16, process: b}\n"
                        "  - {endpoint: 10.1.2.3, process: c}\n  - {endpoint: \"10.1.0.0/24:*\", process: d}\n"));
  const Matcher matcher(policy);
  const auto allowed = [&](const char* address, const char* process, std::uint16_t port = 443) {
    return matcher.Decide(Addr(address), port, kTcp, matcher.ProcessesOf(process)).allowed;
  };
  for (const char* process : {"a", "b", "c"}) EXPECT_TRUE(allowed("10.1.2.3", process)) << process;
  EXPECT_FALSE(allowed("10.1.2.3", "d"));
  EXPECT_FALSE(allowed("10.1.2.4", "c"));
  EXPECT_FALSE(allowed("10.2.0.1", "b"));
  EXPECT_TRUE(allowed("10.1.0.9", "d")) << "the kernel asks for port 443 first, where 10.1.0.0/16 answers";
  EXPECT_TRUE(allowed("10.1.0.9", "d", 22));
  EXPECT_FALSE(allowed("10.1.0.9", "a", 22));
  EXPECT_EQ(matcher.Decide(Addr("10.1.2.3"), 443, kTcp, matcher.ProcessesOf("d")).why, "process");
}

TEST(CompileAddresses, LoopbackIsOffOnlyWhenAllOfItIsDenied) {
  const auto loopback = [](const char* deny) {
    return MustCompile(Block("allow: [a.org]\ndeny: [" + std::string(deny) + "]")).loopback;
  };
  EXPECT_TRUE(loopback("127.0.0.1"));
  EXPECT_TRUE(loopback("127.0.0.0/8"));
  EXPECT_TRUE(loopback("\"127.0.0.0/8:80\", \"[::1]:80\""));
  EXPECT_FALSE(loopback("127.0.0.0/8, \"[::1]\""));
  EXPECT_FALSE(loopback("0.0.0.0/0, \"[::/0]\""));
}

TEST(Compile, AJobAddsToTheTopLevelAndMayOverrideTheMode) {
  const std::string text = Block(
      "allow: [a.org]\nguard: {tun: deny, raw: allow}\njobs:\n"
      "  build: {mode: audit, on_deny: fail, allow: [b.org], deny: [c.org], guard: {tun: allow}}\n"
      "  Build All: {allow: [d.org]}\n");
  CompileOptions options;
  options.job_id = "build";
  options.job_name = "Build All";
  const CompiledPolicy build = MustCompile(text, options);
  EXPECT_EQ(build.mode, Mode::kAudit);
  EXPECT_EQ(build.on_deny, OnDeny::kFail);
  EXPECT_EQ(Ports(build, "a.org"), "443");
  EXPECT_EQ(Ports(build, "b.org"), "443");
  EXPECT_EQ(Ports(build, "c.org"), "deny");
  EXPECT_EQ(Ports(build, "d.org"), "none") << "the id goes before the name";
  EXPECT_EQ(build.guard.at("tun"), "allow");
  EXPECT_EQ(build.kinds, SocketKinds{WEIR_KIND_RAW});
  options.job_id = "other";
  EXPECT_EQ(Ports(MustCompile(text, options), "d.org"), "443");
  options.mode = Mode::kBlock;
  options.job_id = "build";
  EXPECT_EQ(MustCompile(text, options).mode, Mode::kBlock) << "the caller's mode goes first";
}

TEST(Compile, ExtraEndpointsAreRulesWithAPlaceOfTheirOwn) {
  CompileOptions options;
  options.extra_allow = ParseEndpointList("a.org\nb.org:0 10.0.0.0/8");
  const CompileResult result = TryCompile(Block("allow: none"), options);
  EXPECT_EQ(Ports(result.policy, "a.org"), "443");
  EXPECT_EQ(FirstError(result).file, "allowed-endpoints");
  EXPECT_EQ(FirstError(result).line, 2);
  EXPECT_EQ(FirstError(result).column, 7);
}

TEST(Compile, ExpiredRulesAreDroppedWithAWarningAndKeptForExplanations) {
  const CompileResult result = TryCompile(
      Block("allow:\n  - {endpoint: a.org, expires: 2026-05-31}\n  - {endpoint: b.org, expires: 2026-06-01}\n"));
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(Ports(result.policy, "a.org"), "none");
  EXPECT_EQ(Ports(result.policy, "b.org"), "443") << "the last day counts";
  ASSERT_EQ(result.faults.size(), 1u);
  EXPECT_TRUE(result.policy.rules[0].expired);
}

TEST(Compile, BlockModeWithNothingAllowedMustBeSaid) {
  EXPECT_THAT(FirstError(TryCompile(Block("deny: [a.org]"))).reason, testing::HasSubstr("nothing is allowed"));
  EXPECT_FALSE(TryCompile(Block("allow:\n  - {endpoint: a.org, expires: 2020-01-01}\n")).ok());
  EXPECT_TRUE(TryCompile(Block("allow: none")).ok());
  EXPECT_TRUE(TryCompile("version: 1\nmode: audit\n").ok());
}

TEST(Compile, SixtyThreeProcessListsFitAndNoMore) {
  std::string text = "allow:\n";
  for (int i = 0; i < 63; ++i) text += "  - {endpoint: a.org, process: p" + std::to_string(i) + "}\n";
  text += "  - {endpoint: b.org, process: p0}\n";  // the same list again takes no place
  const CompileResult fits = TryCompile(Block(text));
  EXPECT_TRUE(fits.ok());
  EXPECT_EQ(fits.policy.process_sets.size(), 63u);
  EXPECT_NE(Entry(fits.policy, "a.org")->ports[0].processes, kAnyProcess);
  const CompileResult result = TryCompile(Block(text + "  - {endpoint: c.org, process: p63}\n"));
  EXPECT_THAT(FirstError(result).reason, testing::HasSubstr("more than 63"));
  EXPECT_EQ(Ports(result.policy, "c.org"), "none") << "never unbound because there is no place for its list";
}

TEST(Compile, TheDigestIsOfTheMeaning) {
  const std::string a = MustCompile(Block("allow: [a.org, b.org:443]\ndeny: [10.0.0.0/8]")).digest;
  EXPECT_EQ(MustCompile(Block("deny: [\"10.0.0.0/8:*/any\"]\nallow:\n  - B.org\n  - a.org\n")).digest, a);
  EXPECT_NE(MustCompile(Block("allow: [a.org]\ndeny: [10.0.0.0/8]")).digest, a);
  EXPECT_THAT(a, testing::MatchesRegex("sha256:[0-9a-f]{64}"));
}

TEST(Compile, TheCanonicalTextMeansTheSame) {
  const CompiledPolicy first = MustCompile(
      Block("allow: [\"*.example.org\", 10.0.0.0/8, {endpoint: x.org, process: [npm]}]\ndeny: [a.example.org]\n"
            "dns: {resolvers: [system, \"2001:db8::53\"], max_age: 1h}\nguard: {sctp: allow}\non_deny: fail"));
  const CompiledPolicy second = MustCompile(first.canonical_text);
  EXPECT_EQ(second.canonical_text, first.canonical_text);
  EXPECT_EQ(second.names.size(), first.names.size());
  EXPECT_EQ(second.kinds, first.kinds);
  EXPECT_EQ(second.resolvers, first.resolvers);
  EXPECT_EQ(second.learned_max_seconds, 3600u);
}

TEST(Compile, AHundredThousandRulesOfEachKind) {
  std::string text = "allow:\n  - \"*.example.org:443\"\n  - {endpoint: \"10.0.0.0/8:*\", process: npm}\n";
  for (int i = 0; i < 50'000; ++i) {
    text += "  - h" + std::to_string(i) + ".d" + std::to_string(i % 100) + ".example.org:8443\n";
    text += "  - 10." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255) + ".1:5432\n";
  }
  const CompiledPolicy policy = MustCompile(Block(text));
  EXPECT_EQ(policy.names.size(), 50'001u);
  const Matcher matcher(policy);
  EXPECT_TRUE(matcher.DecideName(ToWire("h7.d7.example.org"), 443, kTcp, 0).allowed);
  EXPECT_TRUE(matcher.Decide(Addr("10.0.7.1"), 22, kTcp, matcher.ProcessesOf("/usr/bin/npm")).allowed);
  EXPECT_FALSE(matcher.Decide(Addr("10.0.7.1"), 22, kTcp, 0).allowed);
}

std::vector<std::string> Warnings(std::string_view text) {
  std::vector<std::string> out;
  for (const Fault& fault : Check(MustLoad(text), kToday)) {
    out.push_back(std::to_string(fault.line) + " " + fault.reason);
  }
  return out;
}

TEST(Check, NamesRulesThatDoNothing) {
  using testing::ElementsAre, testing::HasSubstr;
  EXPECT_THAT(Warnings(Block("allow:\n  - a.org\n  - a.org:443\n")),
              ElementsAre(HasSubstr("5 `a.org:443` repeats `a.org`")));
  EXPECT_THAT(Warnings(Block("allow:\n  - b.example.org\n  - \"*.example.org\"\n")),
              ElementsAre(HasSubstr("4 `b.example.org` is covered by `*.example.org` (egress.yml:5)")));
  EXPECT_THAT(Warnings(Block("allow:\n  - 10.1.0.0/16:53/udp\n  - 10.0.0.0/8:*/any\n")),
              ElementsAre(HasSubstr("4 `10.1.0.0/16:53/udp` is covered by")));
  EXPECT_THAT(Warnings(Block("allow:\n  - a.example.org\n  - {endpoint: \"*.example.org\", process: npm}\n")),
              ElementsAre())
      << "a bound rule does not cover an unbound one";
  EXPECT_THAT(Warnings(Block("allow:\n  - a.example.org\n  - b.org\ndeny:\n  - \"*.example.org\"\n")),
              ElementsAre(HasSubstr("4 `a.example.org` never takes effect: `*.example.org` (egress.yml:7) denies it")));
  EXPECT_THAT(Warnings(Block("allow:\n  - 10.1.2.3\n  - b.org\ndeny:\n  - 10.0.0.0/8\n")),
              ElementsAre(HasSubstr("4 `10.1.2.3` never takes effect")));
  EXPECT_THAT(Warnings(Block("allow:\n  - 10.0.0.1:7/sctp\n  - 10.0.0.0/8:*/icmp\nguard: {ping: allow}\n")),
              ElementsAre(HasSubstr("4 `10.0.0.1:7/sctp` never takes effect: sctp sockets are refused")));
  EXPECT_THAT(Warnings(Block("allow: [a.org, b.org:80, 10.0.0.0/8, \"[2001:db8::/32]\"]\n")), ElementsAre());
}

TEST(Check, LooksIntoEveryJob) {
  using testing::ElementsAre, testing::HasSubstr;
  EXPECT_THAT(Warnings(Block("allow: [a.org]\njobs:\n  x:\n    allow: [a.org]\n")),
              ElementsAre(HasSubstr("6 `a.org` repeats")));
  const auto faults = Check(MustLoad(Block("jobs:\n  x: {deny: [b.org]}\n  y: {allow: [a.org]}\n")), kToday);
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_EQ(faults[0].severity, Severity::kWarning) << "jobs that are not listed";
  EXPECT_EQ(faults[1].severity, Severity::kError) << "job x";
}

}  // namespace
}  // namespace weir::policy
