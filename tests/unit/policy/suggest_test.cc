// SPDX-License-Identifier: Apache-2.0
#include "policy/suggest.h"

#include <gmock/gmock.h>

#include <random>

#include "policy/matcher.h"
#include "policy/wire.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

using testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::Not;

ObservedFlow Flow(std::string name, std::uint16_t port = 443, std::string executable = "/usr/bin/npm",
                  std::uint8_t protocol = kTcp) {
  return {std::move(name), Addr("192.0.2.1"), port, protocol, std::move(executable), "build", 1};
}

std::vector<std::string> Endpoints(const Suggestion& suggestion) {
  std::vector<std::string> out;
  for (const Rule& rule : MustLoad(suggestion.yaml).rules) out.push_back(FormatEndpoint(rule.endpoint));
  return out;
}

// As the kernel would: does the policy let this flow through?
bool Covered(const CompiledPolicy& policy, const ObservedFlow& flow) {
  const Matcher matcher(policy);
  const ProcessMask processes = matcher.ProcessesOf(flow.executable);
  return flow.name.empty() ? matcher.Decide(flow.address, flow.port, flow.protocol, processes).allowed
                           : matcher.DecideName(ToWire(flow.name), flow.port, flow.protocol, processes).allowed;
}

TEST(Suggest, WritesOneRuleForManyFlows) {
  const Suggestion suggestion = Suggest({Flow("a.org"), Flow("A.org"), Flow("a.org", 443, "/usr/bin/curl")});
  EXPECT_THAT(Endpoints(suggestion), ElementsAre("a.org:443"));
  EXPECT_THAT(suggestion.yaml, HasSubstr("reason: \"curl, npm in build (seen 3 times)\""));
  EXPECT_EQ(suggestion.rules, 1u);
}

TEST(Suggest, FoldsThreeSiblingsOfOneOwner) {
  EXPECT_THAT(Endpoints(Suggest({Flow("a.example.org"), Flow("b.example.org")})),
              ElementsAre("a.example.org:443", "b.example.org:443"));
  const std::vector<ObservedFlow> three = {Flow("a.example.org"),   Flow("b.example.org"),     Flow("c.example.org"),
                                           Flow("x.y.example.org"), Flow("a.example.org", 80), Flow("example.org")};
  EXPECT_THAT(Endpoints(Suggest(three)), ElementsAre("*.example.org:443", "a.example.org:80", "example.org:443"));
  EXPECT_EQ(Endpoints(Suggest(three, {.mode = Mode::kBlock, .bind_processes = false, .fold_wildcards = false})).size(),
            6u);
}

TEST(Suggest, NeverFoldsWhatStrangersShare) {
  for (const std::string domain :
       {"com", "co.uk", "github.io", "s3.amazonaws.com", "amazonaws.com", "internal", "cloudfront.net"}) {
    const auto endpoints = Endpoints(Suggest({Flow("aa." + domain), Flow("bb." + domain), Flow("cc." + domain)}));
    EXPECT_EQ(endpoints.size(), 3u) << domain;
    for (const std::string& endpoint : endpoints) EXPECT_THAT(endpoint, Not(HasSubstr("*"))) << domain;
  }
}

TEST(Suggest, UsesAddressesWhereNoNameWasAsked) {
  ObservedFlow direct = Flow("", 5432), loopback = direct;
  loopback.address = Addr("127.0.0.1");
  EXPECT_THAT(Endpoints(Suggest({direct, loopback})), ElementsAre("192.0.2.1:5432"));
}

TEST(Suggest, BindsProcesses) {
  const Suggestion suggestion = Suggest({Flow("a.org"), Flow("a.org", 443, "/usr/bin/pip"), Flow("b.org", 443, "")},
                                        {.mode = Mode::kAudit, .bind_processes = true, .fold_wildcards = true});
  const ParsedPolicy policy = MustLoad(suggestion.yaml);
  EXPECT_EQ(policy.mode, Mode::kAudit);
  EXPECT_THAT(policy.rules[0].processes, ElementsAre("/usr/bin/npm", "/usr/bin/pip"));
  EXPECT_THAT(policy.rules[1].processes, IsEmpty()) << "an unknown executable cannot be named";
}

TEST(Suggest, NothingSeenAllowsNothing) {
  const Suggestion suggestion = Suggest({});
  EXPECT_TRUE(MustLoad(suggestion.yaml).allow_none);
  EXPECT_EQ(suggestion.rules, 0u);
}

TEST(Suggest, AdmitsTheKindsOfSocketsThatWereSeen) {
  const CompiledPolicy policy =
      MustCompile(Suggest({Flow("a.org", 0, "/bin/ping", kIcmp), Flow("b.org", 7, "/x", kSctp)}).yaml);
  EXPECT_EQ(policy.guard.at("ping"), "allow");
  EXPECT_EQ(policy.guard.at("sctp"), "allow");
}

TEST(Suggest, SaysWhatNoRuleCanName) {
  ObservedFlow gre = Flow("a.org", 0, "/x", 47), nameless = Flow("bad name\x1b", 443);
  nameless.address = {};
  const Suggestion suggestion = Suggest({gre, nameless, Flow("a.org", 0)});
  EXPECT_EQ(suggestion.rules, 0u);
  ASSERT_EQ(suggestion.not_covered.size(), 3u);
  for (const std::string& text : suggestion.not_covered) EXPECT_EQ(text.find('\x1b'), text.npos);
}

TEST(Suggest, HostileTextOfJobsStaysText) {
  ObservedFlow flow = Flow("a.org", 443, "/tmp/x\"\nallow:\n  - evil.example.org\n# \x1b[2J");
  flow.job = "j\"]\n- evil.example.org\xff\xe2\x80\xae";
  const Suggestion suggestion = Suggest({flow, Flow("evil.example.org\nallow:"), Flow("*.com")},
                                        {.mode = Mode::kBlock, .bind_processes = true, .fold_wildcards = true});
  const ParsedPolicy policy = MustLoad(suggestion.yaml);
  ASSERT_EQ(policy.rules.size(), 2u) << suggestion.yaml;
  EXPECT_EQ(FormatHost(policy.rules[0].endpoint), "192.0.2.1") << "what is no name is covered by its address";
  EXPECT_EQ(FormatHost(policy.rules[1].endpoint), "a.org");
}

TEST(Suggest, GivesARunnerNoCommandOfAJob) {
  ObservedFlow flow = Flow("a.org", 443, "/tmp/##[error]x");
  flow.job = "##[group]";
  const std::string yaml = Suggest({flow}, {.mode = Mode::kBlock, .bind_processes = true, .fold_wildcards = true}).yaml;
  EXPECT_EQ(yaml.find("##["), yaml.npos) << yaml;
  EXPECT_EQ(MustLoad(yaml).rules.at(0).processes.at(0), "/tmp/##[error]x") << "the same to who reads it back";
}

TEST(Suggest, MoreProcessListsThanTheKernelHasStillLoad) {
  std::vector<ObservedFlow> flows;
  for (int i = 0; i < 80; ++i)
    flows.push_back(
        Flow("h" + std::to_string(i) + ".d" + std::to_string(i) + ".org", 443, "/bin/p" + std::to_string(i)));
  const CompiledPolicy policy =
      MustCompile(Suggest(flows, {.mode = Mode::kBlock, .bind_processes = true, .fold_wildcards = true}).yaml);
  for (const ObservedFlow& flow : flows) EXPECT_TRUE(Covered(policy, flow)) << flow.name;
  EXPECT_FALSE(Covered(policy, Flow("h1.d1.org", 443, "/bin/other")));
}

TEST(SuggestProperty, LoadsAndCoversEveryFlow) {
  std::mt19937 random(7);
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  for (int round = 0; round < 1'000; ++round) {
    std::vector<ObservedFlow> flows;
    for (std::size_t i = pick(60); i > 0; --i) {
      ObservedFlow flow;
      if (pick(4) != 0) {
        flow.name = "example.org";
        for (std::size_t depth = pick(4); depth > 0; --depth)
          flow.name = std::string(1, static_cast<char>('a' + pick(4))) + "." + flow.name;
      }
      flow.address = Addr("10.0." + std::to_string(pick(2)) + "." + std::to_string(pick(5)));
      flow.port = static_cast<std::uint16_t>(1 + pick(round % 3 == 0 ? 40 : 5));
      flow.protocol = pick(5) == 0 ? kUdp : kTcp;
      flow.executable = pick(6) == 0 ? "" : "/bin/p" + std::to_string(pick(5));
      flow.job = "j" + std::to_string(pick(3));
      flows.push_back(std::move(flow));
    }
    const SuggestOptions options{Mode::kBlock, round % 2 == 0, round % 5 != 0};
    const Suggestion suggestion = Suggest(flows, options);
    ASSERT_THAT(suggestion.not_covered, IsEmpty());
    const CompiledPolicy policy = MustCompile(suggestion.yaml);
    for (const ObservedFlow& flow : flows) {
      ASSERT_TRUE(Covered(policy, flow)) << "round " << round << ": " << flow.name << ":" << flow.port << "\n"
                                         << suggestion.yaml;
    }
    ASSERT_LE(suggestion.rules, flows.size());
  }
}

}  // namespace
}  // namespace weir::policy
