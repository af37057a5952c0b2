// SPDX-License-Identifier: Apache-2.0
// The parser under the verifier says what it says on the host: for the table, and for noise.
#include <random>

#include "tests/kernel/dns/probe.h"
#include "tests/unit/dns/parser.h"
#include "tests/unit/dns/vectors.h"

namespace weir::lab {
namespace {

using dnstest::AnswerRow;
using dnstest::AnswerRows;
using dnstest::Bytes;
using dnstest::QueryRow;
using dnstest::QueryRows;

constexpr std::uint64_t kSeed = 42;

class DnsParser : public DnsProbe {
 protected:
  // Both must agree on everything that a caller may read.
  void CompareQuery(const Bytes& message, const std::string& what) {
    weir_pending seed{};
    seed.asked_ns = kSeed;
    const auto kernel = Parse(WEIR_PROBE_PARSE_QUERY, message, seed);
    auto host = dnstest::Prepare(message);
    const auto code = weir_dns_parse_query(host.get());
    ASSERT_EQ(kernel.code, static_cast<std::uint32_t>(code)) << what;
    if (code != WEIR_DNS_OK) return;
    weir_dns_hash_name(host.get(), kSeed);
    EXPECT_EQ(Bytes(kernel.name, kernel.name + WEIR_NAME_BYTES), Bytes(host->names, host->names + WEIR_NAME_BYTES))
        << what;
    EXPECT_EQ(kernel.name_len, host->name_len) << what;
    EXPECT_EQ(kernel.hash, host->hashes[0]) << what;
    EXPECT_EQ(kernel.qtype, host->qtype) << what;
    EXPECT_EQ(kernel.id, host->id) << what;
  }

  void CompareAnswer(const Bytes& message, const weir_pending& asked, const std::string& what) {
    const auto kernel = Parse(WEIR_PROBE_PARSE_ANSWER, message, asked);
    auto host = dnstest::Prepare(message);
    host->asked = asked;
    const auto code = weir_dns_parse_answer(host.get());
    ASSERT_EQ(kernel.code, static_cast<std::uint32_t>(code)) << what;
    ASSERT_EQ(kernel.n_addrs, host->n_addrs) << what;
    EXPECT_EQ(std::memcmp(kernel.addrs, host->addrs, 16u * kernel.n_addrs), 0) << what;
    if (code == WEIR_DNS_OK) {
      EXPECT_EQ(kernel.ttl, host->ttl) << what;
    }
  }

  static weir_pending Asked(const AnswerRow& row) {
    weir_dns_state state{};
    dnstest::Ask(state, dnstest::Wire(row.asked), row.type);
    return state.asked;
  }
};

TEST_F(DnsParser, AgreesWithTheTableOfQueries) {
  for (const QueryRow& row : QueryRows()) {
    CompareQuery(row.message, row.what);
    const auto out = Parse(WEIR_PROBE_PARSE_QUERY, row.message, {});
    EXPECT_EQ(out.code, static_cast<std::uint32_t>(row.code)) << row.what;
    if (row.code == WEIR_DNS_OK) {
      EXPECT_EQ(Bytes(out.name, out.name + out.name_len), row.name) << row.what;
    }
  }
}

TEST_F(DnsParser, AgreesWithTheTableOfAnswers) {
  for (const AnswerRow& row : AnswerRows()) {
    CompareAnswer(row.message, Asked(row), row.what);
    const auto out = Parse(WEIR_PROBE_PARSE_ANSWER, row.message, Asked(row));
    EXPECT_EQ(out.code, static_cast<std::uint32_t>(row.code)) << row.what;
    ASSERT_EQ(out.n_addrs, row.addresses.size()) << row.what;
    for (std::size_t i = 0; i < row.addresses.size(); i++)
      EXPECT_EQ(std::memcmp(out.addrs[i], row.addresses[i].data(), 16), 0) << row.what << " address " << i;
  }
}

// Rows of the table with bytes changed, cut, and grown.
Bytes Mutate(Bytes message, std::mt19937& random) {
  for (unsigned n = random() % 4; n > 0 && !message.empty(); n--) {
    message[random() % message.size()] = static_cast<std::uint8_t>(random() % 3 ? random() : 0xc0 + random() % 2);
  }
  if (random() % 8 == 0 && !message.empty()) message.resize(random() % message.size());
  if (random() % 8 == 0) message.push_back(static_cast<std::uint8_t>(random()));
  return message;
}

TEST_F(DnsParser, AgreesWithTheHostOnMutatedMessages) {
  std::mt19937 random(7);
  const auto queries = QueryRows();
  const auto answers = AnswerRows();
  for (int i = 0; i < 5000 && !HasFailure(); i++) {
    CompareQuery(Mutate(queries[random() % queries.size()].message, random), "query " + std::to_string(i));
    const AnswerRow& row = answers[random() % answers.size()];
    CompareAnswer(Mutate(row.message, random), Asked(row), "answer " + std::to_string(i));
  }
}

}  // namespace
}  // namespace weir::lab
