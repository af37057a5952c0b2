// SPDX-License-Identifier: Apache-2.0
// Which answers are heard: only those to a question of this socket, from where it was asked.
#include <arpa/inet.h>

#include "tests/kernel/dns/probe.h"

namespace weir::lab {
namespace {

using dnstest::Answer;
using dnstest::Bytes;
using dnstest::kA;
using dnstest::kAnswerFlags;
using dnstest::kHttps;
using dnstest::kId;
using dnstest::Message;
using dnstest::Query;
using dnstest::V4;

constexpr std::string_view kWww = "www.example.org";

class DnsAnswer : public DnsProbe {
 protected:
  void SetUp() override {
    DnsProbe::SetUp();
    if (HasFatalFailure()) return;
    AddName(kWww, WEIR_NAME_EXACT, 7);
    AddName("cluster.local", WEIR_NAME_SEARCH, 0, {});
  }

  static Bytes Right(std::uint16_t id = kId) {
    return Message(id, kAnswerFlags, 1, 1).Question(kWww, kA).Pointer(12).A(192, 0, 2, 1).bytes();
  }
  static Bytes QueryOf(std::uint16_t id) { return Message(id, dnstest::kQueryFlags, 1, 0).Question(kWww, kA).bytes(); }
};

TEST_F(DnsAnswer, TeachesWhatItsRuleAllows) {
  const auto out = Judge(Query(kWww), {Right()});
  EXPECT_EQ(out.answer_result[0], static_cast<std::uint32_t>(0)) << "used";
  EXPECT_EQ(out.answer.n_new, 2u);
  EXPECT_EQ(out.answer.exec_id, 0xe0e0u);
  EXPECT_EQ(out.answer.tgid, 4242u);
  EXPECT_EQ(out.answer.n_addrs, 1u);
  EXPECT_EQ(out.answer.ttl, 300u);
  EXPECT_EQ(Count(WEIR_C_ANSWER_OK), 1u);
  ASSERT_TRUE(Learned(V4(192, 0, 2, 1)));
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->rule_id, 7u);
  EXPECT_EQ(Usage().pending, 0u);
  EXPECT_EQ(Usage().learned, 2u);
}

struct Stray {
  const char* what;
  Bytes message;
};

TEST_F(DnsAnswer, AStrayTeachesNothing) {
  const Stray rows[] = {
      {"another id", Right(kId + 1)},
      {"another name", Answer("xww.example.org", kA, 1).Pointer(12).A(6, 6, 6, 6).bytes()},
      {"another type", Answer(kWww, dnstest::kAaaa, 1).Pointer(12).A(6, 6, 6, 6).bytes()},
  };
  std::uint64_t strays = 0;
  for (const Stray& row : rows) {
    const auto out = Judge(Query(kWww), {row.message});
    EXPECT_EQ(out.answer_result[0], 1u) << row.what;
    EXPECT_EQ(LearnedEntries(), 0u) << row.what;
    EXPECT_EQ(Count(WEIR_C_ANSWER_STRAY), ++strays) << row.what;
  }
}

TEST_F(DnsAnswer, AnotherServerIsNotHeard) {
  auto in = Question();
  in.answer_server[15] = 54;
  EXPECT_EQ(Judge(in, {QueryOf(kId)}, {Right()}).answer_result[0], 1u);
  in = Question();
  in.answer_port = htons(5353);
  EXPECT_EQ(Judge(in, {QueryOf(kId)}, {Right()}).answer_result[0], 1u);
  EXPECT_EQ(LearnedEntries(), 0u);
}

TEST_F(DnsAnswer, AnAnswerWithoutAQuestionIsNotHeard) {
  const auto out = Judge(Question(), {Bytes(QueryOf(kId).size(), 0xff)}, {Right()});
  EXPECT_EQ(out.answer_result[0], 0u) << "block mode stops at the query";
  EXPECT_EQ(LearnedEntries(), 0u);
}

TEST_F(DnsAnswer, JunkDoesNotUseUpTheQuestion) {
  const Bytes foreign = Answer(kWww, kA, 1).Name("evil.example").A(6, 6, 6, 6).bytes();
  Bytes cut = Right();
  cut.pop_back();
  const Bytes truncated = Message(kId, 0x8380, 1, 0).Question(kWww, kA).bytes();
  const auto out = Judge(Question(), {QueryOf(kId)}, {foreign, cut, truncated, Right()});
  EXPECT_EQ(out.answer_result[0], 2u);
  EXPECT_EQ(out.answer_result[1], 2u);
  EXPECT_EQ(out.answer_result[2], 0u) << "truncated: nothing to learn, nothing wrong";
  EXPECT_EQ(out.answer_result[3], 0u);
  EXPECT_EQ(Count(WEIR_C_ANSWER_FORM), 2u);
  EXPECT_TRUE(Learned(V4(192, 0, 2, 1)));
  EXPECT_FALSE(Learned(V4(6, 6, 6, 6)));
}

TEST_F(DnsAnswer, ARefusedAnswerSaysWhy) {
  const Bytes foreign = Answer(kWww, kA, 1).Name("evil.example").A(6, 6, 6, 6).bytes();
  EXPECT_EQ(Judge(Query(kWww), {foreign}).answer.code, static_cast<std::uint32_t>(WEIR_DNS_E_OWNER));
}

TEST_F(DnsAnswer, TheSecondAnswerIsAStray) {
  const auto out = Judge(Question(), {QueryOf(kId)}, {Right(), Right()});
  EXPECT_EQ(out.answer_result[0], 0u);
  EXPECT_EQ(out.answer_result[1], 1u);
}

TEST_F(DnsAnswer, SixtyFourQuestionsAreHeldAtOnce) {
  std::vector<Bytes> queries;
  for (std::uint16_t id = 1; id <= WEIR_SOCK_PENDING; id++) queries.push_back(QueryOf(id));
  const auto out = Judge(Question(), queries, {Right(1), Right(64), Right(32), Right(2)});
  for (const auto result : out.answer_result) EXPECT_EQ(result, 0u);
  EXPECT_EQ(Usage().pending, 60u);
  EXPECT_EQ(Count(WEIR_C_PENDING_FULL), 0u);
}

TEST_F(DnsAnswer, TheOldestQuestionGivesWayAndIsCounted) {
  std::vector<Bytes> queries;
  for (std::uint16_t id = 1; id <= WEIR_SOCK_PENDING + 1; id++) queries.push_back(QueryOf(id));
  const auto out = Judge(Question(), queries, {Right(1), Right(2), Right(65)});
  EXPECT_EQ(out.answer_result[0], 1u) << "pushed out";
  EXPECT_EQ(out.answer_result[1], 0u);
  EXPECT_EQ(out.answer_result[2], 0u);
  EXPECT_EQ(Count(WEIR_C_PENDING_FULL), 1u);
}

TEST_F(DnsAnswer, OneIdTwiceIsToldApartByTheQuestion) {
  AddName("two.example.org", WEIR_NAME_EXACT, 8);
  const Bytes second = Query("two.example.org").bytes();
  ASSERT_EQ(second.size(), QueryOf(kId).size());
  const auto out = Judge(Question(), {QueryOf(kId), second},
                         {Answer("two.example.org", kA, 1).Pointer(12).A(192, 0, 2, 2).bytes(), Right()});
  EXPECT_EQ(out.answer_result[0], 0u);
  EXPECT_EQ(out.answer_result[1], 0u);
  EXPECT_EQ(Learned(V4(192, 0, 2, 2))->rule_id, 8u);
  EXPECT_EQ(Learned(V4(192, 0, 2, 1))->rule_id, 7u);
}

TEST_F(DnsAnswer, AServerThatIsNotTrustedTeachesNothing) {
  auto in = Question();
  in.in.teach = 0;
  EXPECT_EQ(Judge(in, {QueryOf(kId)}, {Right()}).answer_result[0], 0u);
  EXPECT_EQ(LearnedEntries(), 0u);
  EXPECT_EQ(Usage().pending, 0u);
}

TEST_F(DnsAnswer, ASearchSuffixTeachesOnlyAName) {
  const std::string name = std::string(kWww) + ".cluster.local";
  Judge(Query(name), {Answer(name, kA, 1).Pointer(12).A(192, 0, 2, 9).bytes()});
  EXPECT_FALSE(Learned(V4(192, 0, 2, 9)));
  ASSERT_TRUE(Learned(V4(192, 0, 2, 9), 0, 0));
  EXPECT_EQ(Learned(V4(192, 0, 2, 9), 0, 0)->flags, WEIR_L_NAME_ONLY);
}

TEST_F(DnsAnswer, InAuditARefusedNameIsStillKnownByItsName) {
  auto in = Question();
  in.in.mode = WEIR_MODE_AUDIT;
  SetScope(WEIR_MODE_AUDIT);
  const auto out =
      Judge(in, {Query("evil.example").bytes()}, {Answer("evil.example", kA, 1).Pointer(12).A(203, 0, 113, 6).bytes()});
  EXPECT_EQ(out.query.why, WEIR_WHY_DNS_NAME);
  EXPECT_EQ(LearnedEntries(), 1u);
  const auto name = Learned(V4(203, 0, 113, 6), 0, 0);
  ASSERT_TRUE(name);
  EXPECT_EQ(Bytes(name->name, name->name + 14), dnstest::Wire("evil.example"));
}

TEST_F(DnsAnswer, OtherTypesTeachNothing) {
  const auto out = Judge(Query(kWww, kHttps), {Answer(kWww, kHttps, 1).Pointer(12).Record(kHttps, {0, 1, 0}).bytes()});
  EXPECT_EQ(out.answer_result[0], 0u);
  EXPECT_EQ(LearnedEntries(), 0u);
}

TEST_F(DnsAnswer, ARuleTakenAwayMeanwhileTeachesOnlyTheName) {
  // The name is allowed by a wildcard whose entry denies by the time of the answer.
  AddName("example.net", WEIR_NAME_BELOW, 8);
  auto in = Question();
  Judge(in, {Query("a.example.net").bytes()});
  AddName("example.net", WEIR_NAME_BELOW, 9, {}, WEIR_N_DENY);
  const auto out =
      Judge(in, {Query("a.example.net").bytes()}, {Answer("a.example.net", kA, 1).Pointer(12).A(192, 0, 2, 3).bytes()});
  EXPECT_EQ(out.query.why, WEIR_WHY_DENY_RULE);
  EXPECT_EQ(LearnedEntries(), 0u);
}

}  // namespace
}  // namespace weir::lab
