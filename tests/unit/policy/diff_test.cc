// SPDX-License-Identifier: Apache-2.0
#include "policy/diff.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

using testing::ElementsAre, testing::IsEmpty;

std::vector<std::string> Changes(std::string_view before, std::string_view after) {
  std::vector<std::string> out;
  for (const Change& change : Diff(MustCompile(Block(before)), MustCompile(Block(after))).changes) {
    out.push_back(std::string(ChangeName(change.kind)) + " " + change.endpoint +
                  (change.related.empty() ? "" : " (" + change.related + ")"));
  }
  return out;
}

TEST(Diff, SpellingOrderAndNeedlessRulesAreNoChange) {
  EXPECT_THAT(Changes("allow: [a.org, 10.0.0.0/8]", "allow: [\"10.0.0.0/8:443/tcp\", A.org:443]"), IsEmpty());
  EXPECT_THAT(Changes("allow: [\"*.example.org\"]", "allow: [\"*.example.org\", a.example.org]"), IsEmpty());
  EXPECT_THAT(Changes("allow: [10.0.0.0/8]", "allow: [10.0.0.0/8, 10.1.0.0/16, 10.1.2.3]"), IsEmpty());
  EXPECT_THAT(Changes("allow: [a.org]", "allow: [a.org]\ndeny: [b.org, 192.0.2.1]"), IsEmpty());
  EXPECT_EQ(FormatDiff(Diff(MustCompile(Block("allow: none")), MustCompile(Block("allow: none")))),
            "no change in what can be reached\n");
}

TEST(Diff, AddedAndRemoved) {
  EXPECT_THAT(Changes("allow: [a.org, 10.0.0.1]", "allow: [a.org, b.org:80]"),
              ElementsAre("added b.org:80", "removed 10.0.0.1:443"));
}

TEST(Diff, ADenyRemovesWhatWasReachable) {
  EXPECT_THAT(Changes("allow: [\"*.example.org\", 10.0.0.0/8]",
                      "allow: [\"*.example.org\", 10.0.0.0/8]\ndeny: [a.example.org, 10.1.0.0/16]"),
              ElementsAre("removed 10.1.0.0/16:443", "removed a.example.org:443"));
}

TEST(Diff, WideningAndNarrowingOfHosts) {
  EXPECT_THAT(Changes("allow: [a.example.org]", "allow: [\"*.example.org\"]"),
              ElementsAre("widened *.example.org:443 (a.example.org:443)"));
  EXPECT_THAT(Changes("allow: [\"*.example.org\"]", "allow: [a.example.org]"),
              ElementsAre("narrowed *.example.org:443 (a.example.org:443)"));
  EXPECT_THAT(Changes("allow: [10.1.0.0/16]", "allow: [10.0.0.0/8]"),
              ElementsAre("widened 10.0.0.0/8:443 (10.1.0.0/16:443)"));
  EXPECT_THAT(Changes("allow: [\"a.org:443\"]", "allow: [\"a.org:*\"]"), ElementsAre("widened a.org:* (a.org:443)"));
}

TEST(Diff, ProcessBindings) {
  const std::string bound = "allow: [{endpoint: a.org, process: npm}]",
                    more = "allow: [{endpoint: a.org, process: [npm, pip]}]";
  EXPECT_THAT(Changes(bound, "allow: [a.org]"), ElementsAre("widened a.org:443"));
  EXPECT_THAT(Changes("allow: [a.org]", bound), ElementsAre("narrowed a.org:443"));
  EXPECT_THAT(Changes(bound, more), ElementsAre("widened a.org:443"));
  EXPECT_THAT(Changes(more, bound), ElementsAre("narrowed a.org:443"));
  EXPECT_THAT(Changes(bound, "allow: [{endpoint: a.org, process: pip}]"), ElementsAre("widened a.org:443"));
  EXPECT_THAT(Changes("allow: [{endpoint: b.org, process: pip}, {endpoint: a.org, process: npm}]",
                      "allow: [{endpoint: a.org, process: npm}, {endpoint: b.org, process: pip}]"),
              IsEmpty())
      << "the numbers of the lists do not matter";
}

TEST(Diff, AllOfIpv6IsOneChange) {
  EXPECT_THAT(Changes("allow: [a.org]", "allow: [a.org, \"[::/0]:443\"]"), ElementsAre("added [::/0]:443"));
  EXPECT_THAT(Changes("allow: [a.org, \"[::/0]:443\"]", "allow: [a.org]"), ElementsAre("removed [::/0]:443"));
}

// 1,000 ports on a prefix times 4,000 any-port hosts within it that all change.
TEST(Diff, SaysWhenItDidNotCompareAll) {
  std::string ports = "allow:\n", hosts;
  for (int i = 1; i <= 1'000; ++i) ports += "  - {endpoint: \"10.0.0.0/8:" + std::to_string(i) + "\", process: npm}\n";
  for (int i = 0; i < 4'000; ++i)
    hosts += "  - \"10.0." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + ":*\"\n";
  const CompiledPolicy before = MustCompile(Block(ports));
  CompileOptions options;
  CompileResult after = Compile(MustLoad(Block(ports + "deny:\n" + hosts)), options);
  ASSERT_TRUE(after.ok());
  const PolicyDiff diff = Diff(before, after.policy);
  EXPECT_FALSE(diff.complete);
  EXPECT_FALSE(diff.empty());
  EXPECT_THAT(FormatDiff(diff), testing::HasSubstr("not all was compared"));
  EXPECT_EQ(DiffJson(diff)["complete"], false);
  EXPECT_TRUE(Diff(after.policy, after.policy).empty()) << "equal policies are compared whole, however large";
}

TEST(Diff, Settings) {
  const PolicyDiff diff =
      Diff(MustCompile("version: 1\nmode: block\nallow: [a.org]\nguard: {tun: deny}\nsockets: {/run/a: deny}\n"),
           MustCompile("version: 1\nmode: audit\nallow: [a.org]\nguard: {tun: allow, bpf: report}\non_deny: fail\n"
                       "dns: {resolvers: [192.0.2.53], max_age: 1h}\n"));
  EXPECT_THAT(diff.changes, IsEmpty());
  EXPECT_THAT(
      diff.settings,
      ElementsAre(SettingChange{"mode", "block", "audit"}, SettingChange{"on_deny", "report", "fail"},
                  SettingChange{"dns.resolvers", "system", "192.0.2.53"}, SettingChange{"dns.max_age", "job", "1h"},
                  SettingChange{"guard.bpf", "default", "report"}, SettingChange{"guard.tun", "deny", "allow"},
                  SettingChange{"sockets./run/a", "deny", "default"}));
}

TEST(Diff, RendersAsJsonAndText) {
  const PolicyDiff diff =
      Diff(MustCompile(Block("allow: [{endpoint: a.org, process: npm}]")), MustCompile(Block("allow: [a.org, b.org]")));
  const auto json = DiffJson(diff);
  EXPECT_EQ(json["schema"], "weir.policy-diff.v1");
  EXPECT_EQ(json["changes"][0]["kind"], "added");
  EXPECT_EQ(json["changes"][0]["before"]["reachable"], false);
  EXPECT_EQ(json["changes"][0]["after"]["processes"], "any");
  EXPECT_EQ(json["changes"][1]["before"]["processes"][0], "npm");
  EXPECT_EQ(FormatDiff(diff),
            "+ added b.org:443: not reachable -> any process  (egress.yml:3:16)\n"
            "+ widened a.org:443: npm -> any process  (egress.yml:3:9)\n");
}

}  // namespace
}  // namespace weir::policy
