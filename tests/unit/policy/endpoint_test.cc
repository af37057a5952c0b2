// SPDX-License-Identifier: Apache-2.0
#include "policy/endpoint.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "policy/address.h"
#include "policy/suffix.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

struct Good {
  std::string name, text, canonical;
  ListKind list = ListKind::kAllow;
};
std::ostream& operator<<(std::ostream& out, const Good& row) { return out << row.text; }

const std::vector<Good> kGood = {
    {"NameDefaultsTo443", "example.org", "example.org:443"},
    {"NameInDenyMeansEverything", "example.org", "example.org:*/any", ListKind::kDeny},
    {"AddressInDenyMeansEverything", "192.0.2.1", "192.0.2.1:*/any", ListKind::kDeny},
    {"PortInDenyIsTcp", "example.org:25", "example.org:25", ListKind::kDeny},
    {"AddressDefaultsTo443", "192.0.2.1", "192.0.2.1:443"},
    {"Port", "example.org:8443", "example.org:8443"},
    {"HighestPort", "example.org:65535", "example.org:65535"},
    {"AnyPort", "example.org:*", "example.org:*"},
    {"ExplicitTcp", "example.org:80/tcp", "example.org:80"},
    {"Udp", "time.example.org:123/udp", "time.example.org:123/udp"},
    {"AnyUdp", "example.org:*/udp", "example.org:*/udp"},
    {"Everything", "10.0.0.0/8:*/any", "10.0.0.0/8:*/any"},
    {"Sctp", "10.0.0.1:2905/sctp", "10.0.0.1:2905/sctp"},
    {"Icmp", "10.0.0.0/8:*/icmp", "10.0.0.0/8:*/icmp"},
    {"Icmp6", "[2001:db8::/32]:*/icmp6", "[2001:db8::/32]:*/icmp6"},
    {"CaseFolds", "Registry.EXAMPLE.org", "registry.example.org:443"},
    {"Wildcard", "*.example.org:443", "*.example.org:443"},
    {"DeepWildcard", "*.a.b.example.org", "*.a.b.example.org:443"},
    {"WildcardOnPublicSuffixInDeny", "*.com", "*.com:*/any", ListKind::kDeny},
    {"Underscore", "_dmarc.a_b.example.org", "_dmarc.a_b.example.org:443"},
    {"SingleLabel", "postgres:5432", "postgres:5432"},
    {"LabelOfDigits", "1.example.org", "1.example.org:443"},
    {"Idn",
     "b\xc3\xbc"
     "cher.example",
     "xn--bcher-kva.example:443"},
    {"IdnWildcard",
     "*.b\xc3\xbc"
     "cher.example",
     "*.xn--bcher-kva.example:443"},
    {"IdnSharpS", "fa\xc3\x9f.de", "xn--fa-hia.de:443"},
    {"ALabel", "XN--BCHER-kva.example", "xn--bcher-kva.example:443"},
    {"Label63", std::string(63, 'a') + ".org", std::string(63, 'a') + ".org:443"},
    {"Ipv4Prefix", "10.20.0.0/16:5432", "10.20.0.0/16:5432"},
    {"Ipv4HostPrefix", "192.0.2.1/32", "192.0.2.1:443"},
    {"Ipv6", "[2001:DB8::1]:8443", "[2001:db8::1]:8443"},
    {"Ipv6WithoutPort", "[2001:db8::1]", "[2001:db8::1]:443"},
    {"Ipv6Prefix", "[2001:db8::/32]:443", "[2001:db8::/32]:443"},
    {"Ipv6Default", "[::/0]", "[::/0]:443"},
    {"Metadata6InDeny", "[fd00:ec2::254]", "[fd00:ec2::254]:*/any", ListKind::kDeny},
};

class GoodEndpoint : public testing::TestWithParam<Good> {};

TEST_P(GoodEndpoint, HasOneCanonicalSpellingThatReadsBack) {
  const EndpointResult parsed = ParseEndpoint(GetParam().text, GetParam().list);
  ASSERT_TRUE(parsed.endpoint) << parsed.faults.at(0).reason;
  EXPECT_EQ(FormatEndpoint(*parsed.endpoint), GetParam().canonical);
  EXPECT_EQ(ParseEndpoint(GetParam().canonical, GetParam().list).endpoint, parsed.endpoint);
}

INSTANTIATE_TEST_SUITE_P(Table, GoodEndpoint, testing::ValuesIn(kGood), [](const auto& row) { return row.param.name; });

struct Bad {
  std::string name, text;
  std::size_t offset;
  std::string reason, suggestion;
};
std::ostream& operator<<(std::ostream& out, const Bad& row) { return out << row.text; }

const std::string kLongName = [] {
  std::string name;
  for (int i = 0; i < 50; ++i) name += "abcd.";
  return name + "example.org";
}();

const std::vector<Bad> kBad = {
    {"Empty", "", 0, "empty endpoint", "example.org:443"},
    {"Star", "*", 0, "every name", "mode: audit"},
    {"StarWithPort", "*:443", 0, "every name", "`*.example.org:443`"},
    {"TwoStars", "*.*.example.org", 2, "any depth", "`*.example.org`"},
    {"StarInLabel", "*example.org:80", 0, "whole label", "`*.example.org:80`"},
    {"StarInside", "a.*.example.org", 2, "whole label", "*."},
    {"StarAtEnd", "example.*", 8, "whole label", "*."},
    {"PublicSuffix", "*.com", 0, "public suffix", "`*.example.com`"},
    {"PublicSuffixTwo", "*.co.uk:443", 0, "public suffix", "`*.example.co.uk:443`"},
    {"PublicSuffixByStarRule", "*.foo.ck", 0, "public suffix", "example"},
    {"PublicSuffixIdn", "*.\xd1\x80\xd1\x84", 0, "public suffix", "example"},
    {"UnknownTld", "*.nosuchtld", 0, "public suffix", "example"},
    {"Url", "https://example.org/a?b", 0, "a URL", "`example.org:443`"},
    {"UrlHttp", "http://example.org", 0, "a URL", "`example.org:80`"},
    {"UrlPortUser", "https://me:x@example.org:8443/", 0, "a URL", "`example.org:8443`"},
    {"User", "git@example.org", 3, "user name", "`example.org`"},
    {"Path", "example.org/simple", 11, "a path", "`example.org`"},
    {"PathAfterPort", "example.org:443/simple", 16, "not a protocol", "Known are tcp"},
    {"ProtocolWithoutPort", "example.org/udp", 11, "protocol without a port", "`example.org:PORT/udp`"},
    {"ProtocolTypo", "example.org:53/upd", 15, "not a protocol", "did you mean `udp`?"},
    {"ProtocolUpper", "example.org:53/UDP", 15, "not a protocol", "did you mean `udp`?"},
    {"IcmpPort", "10.0.0.1:7/icmp", 9, "has no ports", "`:*/icmp`"},
    {"AnyPortNumber", "10.0.0.1:7/any", 9, "needs one protocol", "`:7/udp`"},
    {"IcmpOnIpv6", "[2001:db8::1]:*/icmp", 0, "family", "icmp6"},
    {"Icmp6OnIpv4", "10.0.0.1:*/icmp6", 0, "family", "`:*/icmp`"},
    {"PortZero", "example.org:0", 12, "not a port", "1 to 65535"},
    {"Port65536", "example.org:65536", 12, "not a port", "1 to 65535"},
    {"PortHuge", "example.org:99999999999999999999", 12, "not a port", "1 to 65535"},
    {"PortRange", "example.org:80-90", 12, "range of ports", "`:*`"},
    {"PortLeadingZero", "example.org:0443", 12, "leading zeros", "`:443`"},
    {"PortSign", "example.org:+443", 12, "not a port", "1 to 65535"},
    {"PortName", "example.org:https", 12, "not a port", "1 to 65535"},
    {"PortEmpty", "example.org:", 12, "colon without a port", "`*`"},
    {"OnlyPort", ":443", 0, "without a host", "example.org:443"},
    {"TrailingDot", "example.org.:443", 11, "dot at the end", "`example.org:443`"},
    {"LeadingDot", ".example.org", 0, "dot in front", "`*.example.org`"},
    {"EmptyLabel", "a..example.org", 2, "empty label", "extra dot"},
    {"IdnWithFaultFarBehind", "el.eexampl\xd4\xa3orble..", 0, "empty label", "extra dot"},
    {"Label64", std::string(64, 'a') + ".org", 0, "label of 64 bytes; DNS labels have at most 63", "missing dot"},
    {"Name254", kLongName, 0, "at most 253", "wildcard"},
    {"HyphenInFront", "-a.org", 0, "hyphen", "RFC 1123"},
    {"BadCharacter", "exa$mple.org", 3, "`$` cannot be part", "letters, digits"},
    {"Space", "a.org b.org", 5, "more than one endpoint", "item of its own"},
    {"Comma", "a.org,b.org", 5, "more than one endpoint", "item of its own"},
    {"Control", "a\x01.org", 1, "control character", "anew"},
    {"InvalidUtf8", "a\xff.org", 1, "UTF-8", "anew"},
    {"BadPunycode", "xn--zzzzzz99999.org", 0, "international name", "xn--"},
    {"Emoji", "\xe2\x98\x83.net", 0, "international name", "registered"},
    {"Octal", "010.0.0.1", 0, "not an IPv4 address", "octal"},
    {"Hex", "0x7f.0.0.1", 0, "not an IPv4 address", "hexadecimal"},
    {"HexWhole", "0x7f000001", 0, "not an IPv4 address", "hexadecimal"},
    {"ThreeParts", "10.0.1", 0, "not an IPv4 address", "four decimal numbers"},
    {"OneNumber", "2130706433", 0, "not an IPv4 address", "four decimal numbers"},
    {"FiveParts", "1.2.3.4.5", 0, "not an IPv4 address", "four decimal numbers"},
    {"Octet256", "10.0.0.256", 0, "not an IPv4 address", "0 to 255"},
    {"NameEndingInNumber", "example.123", 0, "not an IPv4 address", "four decimal"},
    {"WildcardAddress", "10.0.*", 5, "whole label", "*."},
    {"WildcardBeforeAddress", "*.0.0.1", 2, "ends in a number", "10.20.0.0/16"},
    {"HostBits4", "10.0.0.1/8", 0, "bits set", "`10.0.0.0/8`"},
    {"HostBits6", "[2001:db8::1/32]:80", 1, "bits set", "`[2001:db8::/32]:80`"},
    {"Prefix33", "10.0.0.0/33", 9, "not a prefix length", "0 to 32"},
    {"Prefix129", "[2001:db8::/129]", 12, "not a prefix length", "0 to 128"},
    {"Netmask", "10.0.0.0/255.0.0.0", 9, "not a prefix length", "`10.0.0.0/8`"},
    {"NetmaskOfAHost", "10.1.2.3/255.0.0.0", 9, "not a prefix length", "`10.0.0.0/8`"},
    {"AddressWithProtocol", "10.0.0.1/udp", 9, "not a prefix length", "`10.0.0.1:PORT/udp`"},
    {"Zone", "[fe80::1%eth0]:22", 8, "zone id", "`[fe80::1]:22`"},
    {"BareIpv6", "2001:db8::1", 0, "without brackets", "`[2001:db8::1]`"},
    {"BareIpv6WithZone", "fe80::1%eth0", 0, "without brackets", "`[fe80::1]`"},
    {"PrefixOutside", "[2001:db8::]/32:443", 12, "outside the brackets", "`[2001:db8::/32]:443`"},
    {"OpenBracket", "[2001:db8::1:443", 0, "`[` without `]`", "[2001:db8::1]:443"},
    {"BehindBracket", "[2001:db8::1]443", 13, "not a port", "[2001:db8::1]:443"},
    {"Ipv4InBrackets", "[192.0.2.1]:80", 1, "not an IPv6 address", "`192.0.2.1:80`"},
    {"Mapped", "[::ffff:192.0.2.1]:80", 1, "stands for an IPv4", "`192.0.2.1:80`"},
    {"MappedPrefix", "[::ffff:0:0/96]", 1, "stands for an IPv4", "`0.0.0.0/0`"},
    {"Nat64", "[64:ff9b::192.0.2.1]:80", 1, "stands for an IPv4", "`192.0.2.1:80`"},
    {"TwoColons", "example.org:80:90", 14, "second colon", "host:port"},
    {"TooLong", std::string(2000, 'a'), 0, "2000 bytes", "1024"},
};

class BadEndpoint : public testing::TestWithParam<Bad> {};

TEST_P(BadEndpoint, IsRefusedWithPlaceReasonAndSuggestion) {
  const EndpointResult parsed = ParseEndpoint(GetParam().text, ListKind::kAllow);
  ASSERT_FALSE(parsed.endpoint) << FormatEndpoint(*parsed.endpoint);
  ASSERT_EQ(parsed.faults.size(), 1u);
  EXPECT_THAT(parsed.faults[0].reason, testing::HasSubstr(GetParam().reason));
  EXPECT_THAT(parsed.faults[0].suggestion, testing::HasSubstr(GetParam().suggestion));
  EXPECT_EQ(parsed.faults[0].offset, GetParam().offset);
  EXPECT_EQ(parsed.faults[0].severity, Severity::kError);
}

INSTANTIATE_TEST_SUITE_P(Table, BadEndpoint, testing::ValuesIn(kBad), [](const auto& row) { return row.param.name; });

TEST(Endpoint, WarnsAboutWhatStrangersShare) {
  for (const char* text :
       {"*.github.io", "*.s3.amazonaws.com", "*.amazonaws.com", "*.storage.googleapis.com", "*.cloudfront.net",
        "*.pages.dev", "*.internal", "0.0.0.0/0", "[::/0]:443", "169.254.169.254", "169.254.0.0/16",
        "[fd00:ec2::254]:80", "168.63.129.16", "metadata.google.internal:80", "*.google.internal"}) {
    const EndpointResult parsed = ParseEndpoint(text, ListKind::kAllow);
    ASSERT_TRUE(parsed.endpoint) << text;
    ASSERT_FALSE(parsed.faults.empty()) << text;
    EXPECT_EQ(parsed.faults[0].severity, Severity::kWarning) << text;
    EXPECT_TRUE(ParseEndpoint(text, ListKind::kDeny).faults.empty()) << text;
  }
  const auto internal = ParseEndpoint("*.internal", ListKind::kAllow).faults;
  EXPECT_TRUE(std::any_of(internal.begin(), internal.end(), [](const EndpointFault& fault) {
    return fault.reason.find("metadata.google.internal") != std::string::npos;
  }));
  for (const char* text : {"*.example.org", "site.github.io", "*.bucket.s3.amazonaws.com", "10.0.0.0/8"}) {
    EXPECT_TRUE(ParseEndpoint(text, ListKind::kAllow).faults.empty()) << text;
  }
}

TEST(Endpoint, CoversByHostPortAndFamily) {
  const auto covers = [](const char* outer, const char* inner) {
    return Covers(ParseEndpoint(outer, ListKind::kAllow).endpoint.value(),
                  ParseEndpoint(inner, ListKind::kAllow).endpoint.value());
  };
  EXPECT_TRUE(covers("*.example.org", "a.b.example.org"));
  EXPECT_TRUE(covers("*.example.org", "*.a.example.org"));
  EXPECT_FALSE(covers("*.example.org", "example.org"));
  EXPECT_FALSE(covers("*.example.org", "evilexample.org"));
  EXPECT_FALSE(covers("example.org", "*.example.org"));
  EXPECT_TRUE(covers("example.org:*", "example.org:80"));
  EXPECT_FALSE(covers("example.org:80", "example.org:*"));
  EXPECT_FALSE(covers("example.org:*", "example.org:80/udp"));
  EXPECT_TRUE(covers("10.0.0.0/8:*/any", "10.1.0.0/16:53/udp"));
  EXPECT_FALSE(covers("[::/0]:443", "192.0.2.1"));
  EXPECT_TRUE(covers("[::/0]:443", "[2001:db8::1]"));
}

TEST(EndpointList, TakesTheInputOfTheAction) {
  const auto words = ParseEndpointList("a.org:443 b.org\n# a comment\n  *.c.org:80\t# why\r\n\nd#e.org\n");
  ASSERT_EQ(words.size(), 4u);
  EXPECT_EQ(words[0].text, "a.org:443");
  EXPECT_EQ(words[1].text, "b.org");
  EXPECT_EQ(words[1].column, 11);
  EXPECT_EQ(words[2].text, "*.c.org:80");
  EXPECT_EQ(words[2].line, 3);
  EXPECT_EQ(words[2].column, 3);
  EXPECT_EQ(words[3].text, "d#e.org");
  EXPECT_TRUE(ParseEndpointList(" \n#x\n").empty());
}

TEST(Address, FormatsOneWay) {
  EXPECT_EQ(FormatAddress(Addr("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(FormatAddress(Addr("2001:0DB8:0:0::1")), "2001:db8::1");
  EXPECT_EQ(FormatPrefix(Addr("10.0.0.0"), kMappedBits + 8), "10.0.0.0/8");
  EXPECT_EQ(Ipv4Of(Addr("64:ff9b::c000:201")), Addr("192.0.2.1"));
  EXPECT_FALSE(ParseAddress("192.0.2.01"));
  EXPECT_FALSE(ParseAddress("fe80::1%lo"));
}

TEST(Suffix, ComparesWholeLabels) {
  EXPECT_TRUE(IsAtOrBelow("a.example.org", "example.org"));
  EXPECT_TRUE(IsAtOrBelow("example.org", "example.org"));
  EXPECT_FALSE(IsAtOrBelow("badexample.org", "example.org"));
}

}  // namespace
}  // namespace weir::policy
