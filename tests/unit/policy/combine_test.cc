// SPDX-License-Identifier: Apache-2.0
#include "policy/combine.h"

#include "policy/explain.h"
#include "policy/render.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

CombineResult CombineTexts(const std::string& host, const std::string& repository, const std::string& job = "") {
  CompileOptions options;
  options.job_id = job;
  options.today = kToday;
  return Combine(MustLoad(host), MustLoad(repository), options);
}

/// As a sensor takes it: rendered, loaded and compiled.
CompiledPolicy Effective(const CombineResult& combined) {
  EXPECT_TRUE(combined.ok()) << FormatFaults(combined.faults, {});
  return MustCompile(RenderPolicy(combined.policy));
}

std::string Verdict(const CompiledPolicy& policy, const std::string& endpoint, const std::string& process = "") {
  const auto explanation = Explain(policy, {endpoint, process});
  return explanation ? explanation->verdict : explanation.error().what;
}

TEST(Combine, AllowsWhatBothAllow) {
  const CompiledPolicy both = Effective(
      CombineTexts(Block("allow: ['*.example.org:443', 10.0.0.0/8:*]\n"),
                   Block("allow: ['api.example.org:443', 'www.example.net:443', 10.1.0.0/16:5432, 192.0.2.1:443]\n")));
  struct Row {
    const char* endpoint;
    const char* verdict;
  };
  for (const Row& row : {Row{"api.example.org:443", "allow"}, Row{"www.example.org:443", "deny"},
                         Row{"www.example.net:443", "deny"}, Row{"10.1.2.3:5432", "allow"}, Row{"10.1.2.3:443", "deny"},
                         Row{"10.2.0.1:5432", "deny"}, Row{"192.0.2.1:443", "deny"}})
    EXPECT_EQ(Verdict(both, row.endpoint), row.verdict) << row.endpoint;
}

TEST(Combine, TheHostsDenialGoesFirstAndIsNamed) {
  const CompiledPolicy both = Effective(CombineTexts(Block("allow: all\ndeny: [169.254.169.254, '*.example.net']\n"),
                                                     Block("allow: [169.254.169.254:80, www.example.net:443, "
                                                           "example.org:443]\n")));
  EXPECT_EQ(Verdict(both, "example.org:443"), "allow");
  EXPECT_EQ(Verdict(both, "www.example.net:443"), "deny");
  const auto metadata = Explain(both, {"169.254.169.254:80", ""});
  ASSERT_TRUE(metadata);
  EXPECT_EQ(metadata->verdict, "deny");
  ASSERT_TRUE(metadata->rule);
  EXPECT_EQ(metadata->rule->reason, "host policy");
}

TEST(Combine, NoProcessGetsMoreThanEitherPolicyGives) {
  const CompiledPolicy both =
      Effective(CombineTexts(Block("allow: [{endpoint: example.org:443, process: [npm, node]}, 192.0.2.1:443]\n"),
                             Block("allow: [{endpoint: example.org:443, process: [node, curl]}, "
                                   "{endpoint: 192.0.2.1:443, process: curl}]\n")));
  EXPECT_EQ(Verdict(both, "example.org:443", "node"), "allow");
  EXPECT_EQ(Verdict(both, "example.org:443", "npm"), "deny");
  EXPECT_EQ(Verdict(both, "example.org:443", "curl"), "deny");
  EXPECT_EQ(Verdict(both, "192.0.2.1:443", "curl"), "allow");
  EXPECT_EQ(Verdict(both, "192.0.2.1:443", "node"), "deny");
}

TEST(Combine, APathAndANameAreNotTakenForOneExecutable) {
  const CombineResult combined = CombineTexts(Block("allow: [{endpoint: example.org:443, process: node}]\n"),
                                              Block("allow: [{endpoint: example.org:443, process: /usr/bin/node}]\n"));
  EXPECT_EQ(Verdict(Effective(combined), "example.org:443", "/usr/bin/node"), "deny");
}

TEST(Combine, APolicyThatWatchesForbidsNothing) {
  const std::string audit = "version: 1\nmode: audit\nallow: [example.org:443]\n";
  const std::string block = Block("allow: [example.net:443]\n");
  for (const CombineResult& combined : {CombineTexts(audit, block), CombineTexts(block, audit)}) {
    const CompiledPolicy both = Effective(combined);
    EXPECT_EQ(both.mode, Mode::kBlock);
    EXPECT_EQ(Verdict(both, "example.net:443"), "allow");
    EXPECT_EQ(Verdict(both, "example.org:443"), "deny");
    EXPECT_EQ(combined.faults.size(), 1u);
  }
  EXPECT_FALSE(CombineTexts(Block("allow: all\n"), audit).ok());
}

TEST(Combine, NothingInCommonIsNothingAllowed) {
  const CombineResult combined =
      CombineTexts(Block("allow: [10.0.0.0/8:443]\n"), Block("allow: [db.example.org:443]\n"));
  EXPECT_TRUE(combined.policy.allow_none);
  EXPECT_EQ(combined.faults.size(), 1u);
  EXPECT_EQ(Verdict(Effective(combined), "db.example.org:443"), "deny");
}

TEST(Combine, TheStricterSettingHolds) {
  const CombineResult combined = CombineTexts(
      Block("allow: all\non_deny: fail\nguard: {tun: deny, packet: allow}\nsockets: {/run/a.sock: allow, /run/b.sock: "
            "deny}\ndns: {max_age: 1h}\n"),
      Block("allow: [example.org:443]\nleftovers: kill\nguard: {tun: allow, packet: report, vsock: allow}\nsockets: "
            "{/run/a.sock: allow, /run/b.sock: allow, /run/c.sock: allow}\n"));
  const ParsedPolicy& both = combined.policy;
  EXPECT_EQ(both.on_deny, OnDeny::kFail);
  EXPECT_EQ(both.leftovers, Leftovers::kKill);
  EXPECT_EQ(both.guard.at("tun"), "deny");
  EXPECT_EQ(both.guard.at("packet"), "report");
  EXPECT_EQ(both.guard.at("vsock"), "deny") << "the host says nothing, which in block mode means deny";
  const std::map<std::string, std::string> sockets = {{"/run/a.sock", "allow"}, {"/run/b.sock", "deny"}};
  EXPECT_EQ(both.sockets, sockets);
  EXPECT_EQ(both.dns.max_age_seconds, 3600u);
}

TEST(Combine, EachPolicysJobIsChosenFirst) {
  const CombineResult combined =
      CombineTexts(Block("allow: [example.org:443]\njobs: {build: {allow: [example.net:443]}}\n"),
                   Block("allow: [example.net:443]\njobs: {build: {deny: [203.0.113.0/24]}}\n"), "build");
  EXPECT_EQ(Verdict(Effective(combined), "example.net:443"), "allow");
  EXPECT_EQ(Verdict(Effective(combined), "203.0.113.9:443"), "deny");
}

TEST(Combine, AllowAllStandsOnlyInAHostsPolicy) { EXPECT_FALSE(Compile(MustLoad(Block("allow: all\n"))).ok()); }

}  // namespace
}  // namespace weir::policy
