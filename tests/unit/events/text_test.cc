// SPDX-License-Identifier: Apache-2.0
#include "sensor/events/text.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>
#include <random>

namespace weir::events {
namespace {

using namespace std::string_literals;

Address V6(const char* text) {
  Address address;
  EXPECT_EQ(inet_pton(AF_INET6, text, address.data()), 1) << text;
  return address;
}

TEST(AddressText, FollowsRfc5952) {
  const std::pair<const char*, const char*> rows[] = {
      {"2001:DB8::1", "2001:db8::1"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // 4.2.3: the first of equal runs
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // 4.2.2: one group is not shortened
      {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // 4.2.3: the longest run
      {"::1", "::1"},
      {"fe80::", "fe80::"},
      {"1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"},
      {"0:2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::ffff:0.0.0.0", "0.0.0.0"},
  };
  for (const auto& [in, want] : rows) EXPECT_EQ(AddressText(V6(in)), want);
  EXPECT_EQ(AddressText(Address{}), "") << "none";
}

TEST(AddressText, IsReadBackAsTheSameAddress) {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    Address address;
    for (auto& byte : address) byte = random() % 3 ? 0 : static_cast<std::uint8_t>(random());
    if (address == Address{}) continue;
    const std::string text = AddressText(address);
    EXPECT_EQ(V6(text.find('.') == std::string::npos ? text.c_str() : ("::ffff:" + text).c_str()), address) << text;
  }
}

TEST(NameText, EscapesByRfc4343) {
  const std::pair<std::string, const char*> rows[] = {
      {"\7example\3org\0"s, "example.org"},
      {"\0"s, "."},
      {""s, ""},
      {"\7example"s, "example"},       // as far as it parsed
      {"\3a.b\3org\0"s, "a\\.b.org"},  // a dot inside a label is not a separator
      {"\2\\a\0"s, "\\\\a"},
      {"\3\n\x1b \0"s, "\\010\\027\\032"},
      {"\1\xff\0"s, "\\255"},
      {"\5ab"s, ""},      // length beyond the end
      {"\300\014"s, ""},  // a pointer
  };
  for (const auto& [wire, want] : rows) EXPECT_EQ(NameText(wire), want);
}

TEST(WireName, TakesTheWellFormedBeginning) {
  std::array<std::uint8_t, 256> padded{};
  std::memcpy(padded.data(), "\7example\3org", 13);
  EXPECT_EQ(WireName(padded), "\7example\3org\0"s);
  padded[8] = 200;
  EXPECT_EQ(WireName(padded), "\7example"s) << "stops at what is no label";
  padded.fill(63);
  EXPECT_EQ(WireName(padded).size(), 256u) << "never past the end";
  padded.fill(0);
  EXPECT_EQ(WireName(padded), "") << "no name";
}

TEST(Numbers, AreWords) {
  EXPECT_EQ(QueryTypeText(1), "A");
  EXPECT_EQ(QueryTypeText(65), "HTTPS");
  EXPECT_EQ(QueryTypeText(12345), "TYPE12345");
  EXPECT_EQ(ProtocolText(6), "tcp");
  EXPECT_EQ(ProtocolText(200), "200");
  EXPECT_EQ(SocketKindText(AF_INET << 24 | SOCK_RAW << 16 | IPPROTO_ICMP), "inet/raw/icmp");
  EXPECT_EQ(SocketKindText(99u << 24 | 9u << 16 | 4444u), "99/9/4444");
  EXPECT_EQ(SocketKindText(0), "");
  EXPECT_EQ(CommText({'c', 'u', 'r', 'l'}), "curl");
  Comm full;
  full.fill('x');
  EXPECT_EQ(CommText(full).size(), 16u) << "no NUL";
}

TEST(Utf8, KeepsWhatIsValidAndWritesTheRestAsHex) {
  const std::pair<std::string, std::string> rows[] = {
      {"plain", "plain"},
      {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"a\xff"
       "b",
       "a\\xffb"},
      {"\xc0\x80", "\\xc0\\x80"},                    // overlong NUL
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // past U+10FFFF
      {"\xe2\x82", "\\xe2\\x82"},                    // cut
  };
  for (const auto& [in, want] : rows) EXPECT_EQ(Utf8(in), want);
}

}  // namespace
}  // namespace weir::events
