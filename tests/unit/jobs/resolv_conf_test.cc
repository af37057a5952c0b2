// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/resolv_conf.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "policy/address.h"

namespace weir::jobs {
namespace {

std::string Show(const Resolvers& resolvers) {
  std::string text;
  for (const auto& address : resolvers.addresses) {
    policy::Address copy = address;
    text += "@" + std::to_string(copy[10]) + ":";
    for (std::size_t i = 12; i < 16; ++i) text += std::to_string(copy[i]) + (i < 15 ? "." : " ");
  }
  for (const std::string& wire : resolvers.search) {
    text += "~";
    for (const char c : wire) text += (c >= ' ' && c < 127) ? std::string(1, c) : "<" + std::to_string(c) + ">";
    text += " ";
  }
  return text;
}

struct Row {
  const char* name;
  const char* text;
  const char* expected;
  std::size_t faults;
};

class ResolvConfTest : public ::testing::TestWithParam<Row> {};

TEST_P(ResolvConfTest, ParsesAsTheCLibrariesDo) {
  const Resolvers resolvers = ParseResolvConf(GetParam().text);
  EXPECT_EQ(Show(resolvers), GetParam().expected);
  EXPECT_EQ(resolvers.faults.size(), GetParam().faults);
}

constexpr const char* kDefault = "@255:127.0.0.1 ";

INSTANTIATE_TEST_SUITE_P(
    Files, ResolvConfTest,
    ::testing::Values(
        Row{"Empty", "", kDefault, 0}, Row{"One", "nameserver 192.0.2.53\n", "@255:192.0.2.53 ", 0},
        Row{"TabsAndCarriageReturn", "nameserver\t192.0.2.53\r\n", "@255:192.0.2.53 ", 0},
        Row{"CommentsAndBlankLines", "# a\n; b\n\nnameserver 192.0.2.53 # not an address\n", "@255:192.0.2.53 ", 0},
        Row{"IndentedIsNoKeyword", " nameserver 192.0.2.53\n", kDefault, 0},
        Row{"KeywordNeedsASpace", "nameserver192.0.2.53\n", kDefault, 0},
        Row{"Twice", "nameserver 192.0.2.53\nnameserver 192.0.2.53\n", "@255:192.0.2.53 ", 0},
        Row{"NotAnAddress", "nameserver example.org\nnameserver 192.0.2.53\n", "@255:192.0.2.53 ", 1},
        Row{"Nat64IsTheIpv4AddressItEmbeds", "nameserver 64:ff9b::192.0.2.1\n", "@255:192.0.2.1 ", 0},
        Row{"MappedIsIpv4", "nameserver ::ffff:192.0.2.1\n", "@255:192.0.2.1 ", 0},
        Row{"ZoneIsCut", "nameserver fe80::1%eth0\n", "@0:0.0.0.1 ", 0},
        Row{"Search", "search Corp.Example.org. b\n", "@255:127.0.0.1 ~<4>corp<7>example<3>org<0> ~<1>b<0> ", 0},
        Row{"LastOfDomainAndSearch", "search a b\ndomain c d\n", "@255:127.0.0.1 ~<1>c<0> ", 0},
        Row{"RootSuffixIsNone", "search .\n", kDefault, 1}, Row{"EmptyLabel", "search a..b\n", kDefault, 1},
        Row{"OptionsAreOthersAffair", "options ndots:5\nnameserver 192.0.2.53\n", "@255:192.0.2.53 ", 0},
        Row{"NoLineEnd", "nameserver 192.0.2.53", "@255:192.0.2.53 ", 0}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(ResolvConf, IsBoundedInEveryDirection) {
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += "nameserver 10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "\n";
  text += "search";
  for (int i = 0; i < 50; ++i) text += " s" + std::to_string(i);
  text += "\n";
  const Resolvers resolvers = ParseResolvConf(text);
  EXPECT_EQ(resolvers.addresses.size(), kMaxResolvers);
  EXPECT_EQ(resolvers.search.size(), kMaxSearchSuffixes);
  EXPECT_FALSE(resolvers.faults.empty());
  EXPECT_LE(resolvers.faults.size(), 16u);
  EXPECT_FALSE(ParseResolvConf(std::string(1u << 20, 'x')).faults.empty());
}

TEST(ResolvConf, TakesAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text = "nameserver ";
    for (int i = 0; i < 80; ++i) text += static_cast<char>(random());
    const Resolvers resolvers = ParseResolvConf(text);
    for (const std::string& wire : resolvers.search) EXPECT_EQ(wire.back(), '\0');
  }
}

TEST(ResolvConf, AddsTheUpstreamsOfTheStub) {
  const auto directory = std::filesystem::temp_directory_path() / ("weir-resolv-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "resolv.conf") << "nameserver 127.0.0.53\nsearch example.org\n";
  std::ofstream(directory / "upstreams") << "nameserver 192.0.2.1\nnameserver 192.0.2.2\n";
  auto both = LoadResolvers(directory / "resolv.conf", directory / "upstreams");
  ASSERT_TRUE(both) << both.error().what;
  EXPECT_EQ(both->addresses.size(), 3u);
  auto alone = LoadResolvers(directory / "resolv.conf", directory / "missing");
  ASSERT_TRUE(alone);
  EXPECT_EQ(alone->addresses.size(), 1u);
  auto none = LoadResolvers(directory / "missing", directory / "missing");
  ASSERT_TRUE(none) << "no file means 127.0.0.1";
  EXPECT_EQ(Show(*none), kDefault);
  std::filesystem::remove_all(directory);
}

TEST(ResolvConf, TakesWhatAClientSends) {
  const Resolvers resolvers = ResolversFromText({"192.0.2.1", "nonsense"}, {"corp.example.org", "bad..name"});
  EXPECT_EQ(resolvers.addresses.size(), 1u);
  EXPECT_EQ(resolvers.search.size(), 1u);
  EXPECT_EQ(resolvers.faults.size(), 2u);
}

TEST(NameToWire, RefusesWhatIsNoName) {
  EXPECT_EQ(NameToWire("A.b"), std::string("\1a\1b\0", 5));
  EXPECT_EQ(NameToWire(std::string(64, 'a')), "");
  EXPECT_EQ(NameToWire(std::string(63, 'a')).size(), 65u);
  EXPECT_EQ(NameToWire(""), "");
  EXPECT_EQ(NameToWire("."), "");
  EXPECT_EQ(NameToWire("a b"), "");
  EXPECT_EQ(NameToWire("a\\.b"), "");
  EXPECT_EQ(NameToWire(std::string("a\0b", 3)), "");
  std::string longest;
  for (int i = 0; i < 127; ++i) longest += "a.";
  EXPECT_EQ(NameToWire(longest).size(), 255u);
  EXPECT_EQ(NameToWire(longest + "a"), "");
}

}  // namespace
}  // namespace weir::jobs
