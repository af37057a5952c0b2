// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/facts.h"

#include <gtest/gtest.h>

#include "collector/cli/host/resolv_conf.h"

namespace weir::cli {
namespace {

TEST(Facts, ReadsKernelReleases) {
  EXPECT_EQ(ParseKernelRelease("6.1.0-18-amd64"), (KernelVersion{6, 1}));
  EXPECT_EQ(ParseKernelRelease("5.10"), (KernelVersion{5, 10}));
  EXPECT_LT(*ParseKernelRelease("5.9.16"), (KernelVersion{5, 10}));
  for (const char* bad : {"", "six", "6", "6.x", "."}) EXPECT_FALSE(ParseKernelRelease(bad)) << bad;
}

TEST(Facts, ReadsEffectiveCapabilities) {
  EXPECT_EQ(ParseEffectiveCapabilities("CapPrm:\t0\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"), 0x1ffffffffffULL);
  EXPECT_FALSE(ParseEffectiveCapabilities("Name: x\n"));
}

TEST(Facts, SplitsListsAndFindsBracketedChoices) {
  EXPECT_EQ(SplitList("lockdown, bpf\n", ','), (std::vector<std::string>{"lockdown", "bpf"}));
  EXPECT_TRUE(SplitList(" \n", ',').empty());
  EXPECT_EQ(BracketedChoice("none [integrity] confidentiality\n"), "integrity");
  EXPECT_EQ(BracketedChoice("none"), "");
  EXPECT_EQ(BracketedChoice("]["), "");
}

TEST(Facts, KnowsAJobByItsCgroup) {
  const std::string id = "20260817-093015123-q3k7x0v2md";
  struct {
    const char* name;
    std::string text;
    std::optional<std::string> job;
  } const cases[] = {
      {"job", "0::/weir/" + id + "\n", id},
      {"below a job", "0::/a/weir/" + id + "/b/c\n", id},
      {"behind version 1", "5:memory:/weir/x\n0::/weir/" + id + "\n", id},
      {"version 1 only", "5:memory:/weir/" + id + "\n", std::nullopt},
      {"somebody called weir", "0::/srv/weir/session\n", std::nullopt},
      {"outside", "0::/\n", std::nullopt},
      {"nothing", "", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(JobOfCgroup(c.text), c.job) << c.name;
}

TEST(ResolvConf, ReadsServersAndTheLastSearchList) {
  const ResolverSetup setup = ParseResolvConf(
      "# nameserver 192.0.2.9\n"
      "nameserver 192.0.2.1\n nameserver\t2001:db8::1 # b\nnameserver fe80::1%eth0\nnameserver 192.0.2.1\n"
      "nameserver not-an-address\ndomain a.example.org\nsearch b.example.org c.example.org\noptions ndots:5\n");
  EXPECT_EQ(setup.servers, (std::vector<std::string>{"192.0.2.1", "2001:db8::1", "fe80::1"}));
  EXPECT_EQ(setup.search, (std::vector<std::string>{"b.example.org", "c.example.org"}));
}

TEST(ResolvConf, MeansThisHostWhenItNamesNobody) {
  EXPECT_EQ(ParseResolvConf("").servers, std::vector<std::string>{"127.0.0.1"});
}

TEST(ResolvConf, IsBounded) {
  std::string text = "search";
  for (int i = 0; i < 1000; ++i) text += " s" + std::to_string(i);
  for (int i = 0; i < 200; ++i) text += "\nnameserver 192.0.2." + std::to_string(i);
  EXPECT_EQ(ParseResolvConf(text).servers.size(), 8U);
  EXPECT_EQ(ParseResolvConf(text).search.size(), 32U);
}

}  // namespace
}  // namespace weir::cli
