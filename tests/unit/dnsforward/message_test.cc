// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/message.h"

#include <gtest/gtest.h>

#include <random>

#include "bpf/dns.h"
#include "sensor/dnsforward/frame.h"
#include "sensor/dnsforward/name_table.h"
#include "tests/unit/dnsforward/tcp_dns.h"

namespace weir::dns_forward {
namespace {

using namespace std::string_literals;
using test::MakeAnswer;
using test::MakeQuery;
using test::V4;
using test::Wire;

TEST(Frame, PutsPiecesTogether) {
  std::string stream;
  const std::vector<std::string> messages = {"one", "", std::string(kMaxMessage, 'x'), "four"};
  for (const std::string& message : messages) AppendFrame(stream, message);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{1000}, stream.size()}) {
    FrameReader reader;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.Add(std::string_view(stream).substr(at, piece));
      while (const auto message = reader.Next()) got.emplace_back(*message);
    }
    EXPECT_EQ(got, messages) << "pieces of " << piece;
    EXPECT_EQ(reader.held(), 0u);
  }
}

TEST(Frame, TakesAnyCutOfAnyStream) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string stream;
    std::vector<std::string> messages;
    for (int i = 0; i < 20; ++i) {
      std::string message(random() % (round % 10 == 0 ? kMaxMessage : 200), '\0');
      for (char& byte : message) byte = static_cast<char>(random());
      AppendFrame(stream, message);
      messages.push_back(std::move(message));
    }
    FrameReader reader;
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t piece = std::min<std::size_t>(1 + random() % 3000, stream.size() - at);
      reader.Add(std::string_view(stream).substr(at, piece));
      at += piece;
      while (const auto message = reader.Next()) got.emplace_back(*message);
    }
    ASSERT_EQ(got, messages) << round;
  }
}

TEST(Message, ReadsAQueryInLowerCase) {
  MessageParser parser;
  const Query query = parser.ReadQuery(MakeQuery(0xbeef, "WWW.Example.ORG", 28));
  EXPECT_EQ(query.code, WEIR_DNS_OK);
  EXPECT_EQ(query.id, 0xbeef);
  EXPECT_EQ(query.type, 28);
  EXPECT_EQ(query.name, Wire("www.example.org"));
}

TEST(Message, RefusesWhatIsNotExactlyOneQuestion) {
  MessageParser parser;
  const std::string good = MakeQuery(1, "example.org");
  EXPECT_EQ(parser.ReadQuery(good + "x").code, WEIR_DNS_E_TRAILING);
  EXPECT_EQ(parser.ReadQuery(good.substr(0, good.size() - 1)).code, WEIR_DNS_E_SHORT);
  EXPECT_EQ(parser.ReadQuery(MakeAnswer(good, {})).code, WEIR_DNS_E_DIRECTION);
  EXPECT_EQ(parser.ReadQuery(good + std::string(60000, 'x')).code, WEIR_DNS_E_SIZE);
  EXPECT_EQ(parser.ReadQuery("").code, WEIR_DNS_E_SHORT);
}

TEST(Message, ReadsOnlyTheAnswerToItsQuestion) {
  MessageParser parser;
  const std::string message = MakeQuery(7, "example.org");
  const Query asked = parser.ReadQuery(message);
  const Answer answer = parser.ReadAnswer(MakeAnswer(message, {V4(192, 0, 2, 1), V4(192, 0, 2, 2)}), asked, true);
  EXPECT_EQ(answer.code, WEIR_DNS_OK);
  EXPECT_EQ(answer.addresses, (std::vector<policy::Address>{V4(192, 0, 2, 1), V4(192, 0, 2, 2)}));
  EXPECT_EQ(answer.ttl_s, 60u);
  const auto code = [&](const std::string& text) { return parser.ReadAnswer(text, asked, true).code; };
  EXPECT_EQ(code(MakeAnswer(MakeQuery(8, "example.org"), {})), WEIR_DNS_E_MISMATCH) << "id";
  EXPECT_EQ(code(MakeAnswer(MakeQuery(7, "evil.org"), {})), WEIR_DNS_E_MISMATCH) << "name";
  EXPECT_EQ(code(MakeAnswer(MakeQuery(7, "example.org", 28), {})), WEIR_DNS_E_MISMATCH) << "type";
  EXPECT_EQ(code(MakeAnswer(message, {}, 0x8380)), WEIR_DNS_E_TRUNCATED);
  EXPECT_EQ(code(MakeAnswer(message, {}, 0x8183)), WEIR_DNS_E_RCODE);
  EXPECT_EQ(code(MakeAnswer(message, {V4(192, 0, 2, 1)}) + std::string(60000, '\0')), WEIR_DNS_E_SIZE);
}

TEST(Message, SurvivesRandomMessages) {
  MessageParser parser;
  std::mt19937 random(5);
  const std::string message = MakeQuery(7, "www.example.org");
  const Query asked = parser.ReadQuery(message);
  const std::string answer = MakeAnswer(message, {V4(192, 0, 2, 1), V4(192, 0, 2, 2)});
  int read = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string mutated = i % 2 ? message : answer;
    for (int flips = 0; flips < 3; ++flips) mutated[random() % mutated.size()] = static_cast<char>(random());
    if (i % 4 == 0) mutated.resize(random() % (mutated.size() + 1));
    const Query query = parser.ReadQuery(mutated);
    read += parser.ReadAnswer(mutated, asked, true).code == WEIR_DNS_OK;
    if (mutated.size() >= WEIR_DNS_HEADER_BYTES) {
      const std::string failure = FailureResponse(mutated, query, kRefused);
      ASSERT_EQ(test::Rcode(failure), kRefused);
      ASSERT_LE(failure.size(), mutated.size());
    }
  }
  EXPECT_GT(read, 0);
}

TEST(FailureResponse, RepeatsIdAndQuestionAsTheyWereSent) {
  MessageParser parser;
  const std::string message = MakeQuery(0x1234, "MiXeD.example.org");
  const std::string response = FailureResponse(message, parser.ReadQuery(message), kRefused);
  EXPECT_EQ(test::Id(response), 0x1234u);
  EXPECT_EQ(test::Rcode(response), 5u);
  EXPECT_EQ(response.substr(12), message.substr(12));
  EXPECT_EQ(static_cast<std::uint8_t>(response[2]), 0x81) << "QR, and RD as it was asked";
  const std::string broken = message + "x";
  EXPECT_EQ(FailureResponse(broken, parser.ReadQuery(broken), kRefused).size(), 12u) << "no question to repeat";
}

policy::NameRule Rule(std::string_view name, bool wildcard, bool deny, std::uint32_t rule_id) {
  policy::NameRule rule;
  rule.wire = Wire(name);
  rule.wildcard = wildcard;
  rule.deny = deny;
  rule.rule_id = rule_id;
  if (!deny) rule.ports.push_back({policy::kAnyProcess, rule_id, 443, 6});
  return rule;
}

TEST(NameTable, JudgesAsTheKernelDoes) {
  auto compiled = std::make_shared<policy::CompiledPolicy>();
  compiled->names = {Rule("example.org", false, false, 1), Rule("example.org", true, false, 2),
                     Rule("bad.example.org", false, true, 3), Rule("deep.example.org", true, false, 4),
                     Rule("svc.cluster", false, false, 5)};
  const NameTable table(compiled, std::vector<std::string>{Wire("corp.test"), Wire("test"), Wire("example.org")});
  struct Row {
    const char* name;
    std::uint16_t type;
    std::uint8_t why;
    std::uint32_t rule_id;
    std::size_t ports;
  };
  const Row rows[] = {
      {"example.org", 1, WEIR_WHY_NAME, 1, 1},
      {"www.example.org", 28, WEIR_WHY_NAME, 2, 1},
      {"a.b.example.org", 1, WEIR_WHY_NAME, 2, 1},
      {"x.deep.example.org", 1, WEIR_WHY_NAME, 4, 1},  // the longest wildcard
      {"deep.example.org", 1, WEIR_WHY_NAME, 2, 1},    // not below itself
      {"bad.example.org", 1, WEIR_WHY_DENY_RULE, 3, 0},
      {"x.bad.example.org", 1, WEIR_WHY_NAME, 2, 1},  // the deny is exact
      {"example.com", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"evilexample.org", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"example.org.evil.net", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"org", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"example.org", 16, WEIR_WHY_DNS_TYPE, 1, 0},  // TXT
      {"example.org", 65, WEIR_WHY_NAME, 1, 1},      // HTTPS
      {"example.com", 16, WEIR_WHY_DNS_NAME, 0, 0},
      {"example.org.corp.test", 1, WEIR_WHY_SEARCH, 1, 0},
      {"www.example.org.corp.test", 28, WEIR_WHY_SEARCH, 2, 0},
      {"svc.cluster.test", 1, WEIR_WHY_SEARCH, 5, 0},  // the shorter suffix
      {"bad.example.org.corp.test", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"example.com.corp.test", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"corp.test", 1, WEIR_WHY_DNS_NAME, 0, 0},
      {"example.org.corp.test", 16, WEIR_WHY_DNS_TYPE, 1, 0},
  };
  for (const Row& row : rows) {
    const NameJudgement judgement = table.Judge(Wire(row.name), row.type);
    EXPECT_EQ(judgement.why, row.why) << row.name << " type " << row.type;
    EXPECT_EQ(judgement.rule_id, row.rule_id) << row.name;
    EXPECT_EQ(judgement.ports.size(), row.ports) << row.name;
  }
}

}  // namespace
}  // namespace weir::dns_forward
