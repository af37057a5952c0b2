// SPDX-License-Identifier: Apache-2.0
#include "bpf/dns.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/unit/dns/parser.h"
#include "tests/unit/dns/vectors.h"

namespace weir::dnstest {
namespace {

class QueryTable : public testing::TestWithParam<QueryRow> {};
class AnswerTable : public testing::TestWithParam<AnswerRow> {};

std::string RowName(std::string what) {
  std::string name;
  for (const char c : what) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}

TEST_P(QueryTable, IsJudged) {
  const auto& row = GetParam();
  auto state = Prepare(row.message);
  ASSERT_EQ(weir_dns_parse_query(state.get()), row.code);
  if (row.code != WEIR_DNS_OK) return;
  EXPECT_EQ(NameOf(*state), row.name);
  EXPECT_EQ(state->qtype, row.type);
  EXPECT_EQ(state->id, kId);
  for (unsigned i = static_cast<unsigned>(row.name.size()); i < WEIR_NAME_BYTES; i++) {
    ASSERT_EQ(state->names[i], 0) << "the name is not zero-padded at " << i;
  }
}

TEST_P(AnswerTable, IsJudged) {
  const auto& row = GetParam();
  auto state = Prepare(row.message);
  Ask(*state, Wire(row.asked), row.type);
  ASSERT_EQ(weir_dns_parse_answer(state.get()), row.code);
  EXPECT_EQ(AddressesOf(*state), row.addresses);
  if (row.code == WEIR_DNS_OK) {
    EXPECT_EQ(state->ttl, row.ttl);
  }
}

INSTANTIATE_TEST_SUITE_P(Dns, QueryTable, testing::ValuesIn(QueryRows()),
                         [](const auto& row) { return std::to_string(row.index) + "_" + RowName(row.param.what); });
INSTANTIATE_TEST_SUITE_P(Dns, AnswerTable, testing::ValuesIn(AnswerRows()),
                         [](const auto& row) { return std::to_string(row.index) + "_" + RowName(row.param.what); });

TEST(Dns, RefusesAQueryCutAnywhere) {
  const auto whole = Query("www.example.org", kA, 1).Edns().bytes();
  for (std::size_t size = 0; size < whole.size(); size++) {
    auto state = Prepare(std::span(whole).first(size));
    EXPECT_NE(weir_dns_parse_query(state.get()), WEIR_DNS_OK) << size << " bytes";
  }
}

TEST(Dns, RefusesAnAnswerCutAnywhere) {
  const auto whole = Answer("www.example.org", kA, 2)
                         .Pointer(12)
                         .Record(kCname, Wire("a.example"))
                         .Name("a.example")
                         .A(192, 0, 2, 1)
                         .bytes();
  for (std::size_t size = 0; size < whole.size(); size++) {
    auto state = Prepare(std::span(whole).first(size));
    Ask(*state, Wire("www.example.org"), kA);
    EXPECT_NE(weir_dns_parse_answer(state.get()), WEIR_DNS_OK) << size << " bytes";
    EXPECT_EQ(state->n_addrs, 0u) << size << " bytes";
  }
}

// 200,000 answers to the right question whose answer section is noise. Some are well-formed by chance only if an owner
// is the question, and that takes a pointer to it: keep those out and nothing may be learned.
TEST(Dns, LearnsNothingFromRandomSections) {
  std::mt19937 random(20240229);
  for (int i = 0; i < 200000; i++) {
    const auto count = static_cast<std::uint16_t>(1 + random() % 64);
    Bytes noise(random() % 200);
    for (auto& byte : noise) byte = static_cast<std::uint8_t>(random());
    if (noise.size() > 1 && noise[0] == 0xc0 && noise[1] == 12) continue;
    auto state = Prepare(Answer("www.example.org", kA, count).Raw(noise).bytes());
    Ask(*state, Wire("www.example.org"), kA);
    ASSERT_NE(weir_dns_parse_answer(state.get()), WEIR_DNS_OK) << "run " << i;
    ASSERT_EQ(state->n_addrs, 0u) << "run " << i;
  }
}

TEST(Dns, ReadsAnAnswerOfTheLargestSizeAndNoLarger) {
  Message message = Message(kId, kAnswerFlags, 1, 1, 1).Question("www.example.org", kA).Pointer(12).A(192, 0, 2, 1);
  message.Raw(Bytes(WEIR_DNS_MESSAGE_BYTES - message.bytes().size(), 0xff));
  auto state = Prepare(message.bytes());
  Ask(*state, Wire("www.example.org"), kA);
  EXPECT_EQ(weir_dns_parse_answer(state.get()), WEIR_DNS_OK);
  EXPECT_EQ(state->n_addrs, 1u);
  state = Prepare(message.U8(0).bytes());
  EXPECT_EQ(weir_dns_parse_answer(state.get()), WEIR_DNS_E_SIZE);
}

TEST(Dns, KnowsTheTypesThatRulesNeed) {
  for (unsigned type = 0; type < 65536; type++) {
    EXPECT_EQ(weir_dns_teaches(type) != 0, type == kA || type == kAaaa) << type;
    EXPECT_EQ(weir_dns_type_is_known(type) != 0,
              type == kA || type == kAaaa || type == kCname || type == kSvcb || type == kHttps)
        << type;
  }
}

TEST(Dns, BarsAddressesThatNoNameMayOpen) {
  const auto barred = [](const Address& address) {
    std::uint32_t words[4];
    std::memcpy(words, address.data(), 16);
    return weir_dns_addr_is_barred(words) != 0;
  };
  EXPECT_TRUE(barred(V4(169, 254, 169, 254)));
  EXPECT_TRUE(barred(V4(169, 254, 170, 2)));
  EXPECT_TRUE(barred(V4(168, 63, 129, 16)));
  EXPECT_TRUE(barred(V4(100, 100, 100, 200)));
  EXPECT_TRUE(barred(V4(192, 0, 0, 192)));
  EXPECT_TRUE(barred(V4(0, 0, 0, 0)));
  EXPECT_TRUE(barred(V4(224, 0, 0, 251)));
  EXPECT_TRUE(barred(V4(255, 255, 255, 255)));
  EXPECT_TRUE(barred(Address{}));
  EXPECT_TRUE(barred({0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_TRUE(barred({0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_TRUE(barred({0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}));
  EXPECT_FALSE(barred(V4(10, 0, 0, 5)));
  EXPECT_FALSE(barred(V4(192, 0, 2, 1)));
  EXPECT_FALSE(barred(V4(168, 63, 129, 17)));
  EXPECT_FALSE(barred(V4(127, 0, 0, 1)));
  EXPECT_FALSE(barred({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace weir::dnstest
