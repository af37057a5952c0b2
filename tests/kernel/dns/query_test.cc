// SPDX-License-Identifier: Apache-2.0
// Which rule speaks about a question, in the kernel's tables.
#include "tests/kernel/dns/probe.h"

namespace weir::lab {
namespace {

using dnstest::Bytes;
using dnstest::kA;
using dnstest::kAaaa;
using dnstest::kAny;
using dnstest::kCname;
using dnstest::kHttps;
using dnstest::kSvcb;
using dnstest::kTxt;
using dnstest::Query;
using dnstest::V4;

struct Row {
  std::string_view name;
  std::uint32_t why;
  std::uint32_t rule_id = 0;
  std::uint16_t type = kA;
};

class DnsQuery : public DnsProbe {
 protected:
  void SetUp() override {
    DnsProbe::SetUp();
    if (HasFatalFailure()) return;
    AddName("www.example.org", WEIR_NAME_EXACT, 7);
    AddName("example.net", WEIR_NAME_BELOW, 8);
    AddName("deep.example.net", WEIR_NAME_BELOW, 9);
    AddName("bad.example.net", WEIR_NAME_EXACT, 10, {}, WEIR_N_DENY);
    AddName("bad.example.net", WEIR_NAME_BELOW, 11, {}, WEIR_N_DENY);
    AddName("github.com", WEIR_NAME_EXACT, 12);
    AddName("default.svc.cluster.local", WEIR_NAME_SEARCH, 0, {});
    AddName("svc.cluster.local", WEIR_NAME_SEARCH, 0, {});
    AddName("cluster.local", WEIR_NAME_SEARCH, 0, {});
  }
};

TEST_F(DnsQuery, TheMostSpecificRuleSpeaks) {
  const Row rows[] = {
      {"www.example.org", WEIR_WHY_NAME, 7},
      {"WWW.Example.ORG", WEIR_WHY_NAME, 7},
      {"example.org", WEIR_WHY_DNS_NAME},
      {"x.www.example.org", WEIR_WHY_DNS_NAME},
      {"org", WEIR_WHY_DNS_NAME},
      {"", WEIR_WHY_DNS_NAME},
      {"evilwww.example.org", WEIR_WHY_DNS_NAME},
      {"www.example.org.evil.net", WEIR_WHY_DNS_NAME},
      {"evilgithub.com", WEIR_WHY_DNS_NAME},
      {"github.com.evil.net", WEIR_WHY_DNS_NAME},
      {"github.co", WEIR_WHY_DNS_NAME},
      {"a.example.net", WEIR_WHY_NAME, 8},
      {"a.b.c.d.e.f.example.net", WEIR_WHY_NAME, 8},
      {"example.net", WEIR_WHY_DNS_NAME},
      {"xexample.net", WEIR_WHY_DNS_NAME},
      {"deep.example.net", WEIR_WHY_NAME, 8},
      {"a.deep.example.net", WEIR_WHY_NAME, 9},
      {"bad.example.net", WEIR_WHY_DENY_RULE, 10},
      {"a.bad.example.net", WEIR_WHY_DENY_RULE, 11},
  };
  for (const Row& row : rows) {
    const auto out = Judge(Query(row.name, row.type));
    EXPECT_EQ(out.query.why, row.why) << row.name;
    EXPECT_EQ(out.query.rule_id, row.rule_id) << row.name;
  }
}

TEST_F(DnsQuery, SearchSuffixesLetAllowedNamesThrough) {
  const Row rows[] = {
      {"www.example.org.default.svc.cluster.local", WEIR_WHY_SEARCH, 7},
      {"www.example.org.svc.cluster.local", WEIR_WHY_SEARCH, 7},
      {"WWW.example.org.Cluster.Local", WEIR_WHY_SEARCH, 7},
      {"a.example.net.cluster.local", WEIR_WHY_SEARCH, 8},
      {"bad.example.net.cluster.local", WEIR_WHY_DNS_NAME},
      {"example.net.cluster.local", WEIR_WHY_DNS_NAME},
      {"secret.cluster.local", WEIR_WHY_DNS_NAME},
      {"cluster.local", WEIR_WHY_DNS_NAME},
      {"x.www.example.org.cluster.local", WEIR_WHY_DNS_NAME},
      {"www.example.org.evilcluster.local", WEIR_WHY_DNS_NAME},
      {"www.example.org.cluster.local.evil.net", WEIR_WHY_DNS_NAME},
      {"www.example.org.cluster.local", WEIR_WHY_DNS_TYPE, 7, kTxt},
  };
  for (const Row& row : rows) {
    const auto out = Judge(Query(row.name, row.type));
    EXPECT_EQ(out.query.why, row.why) << row.name;
    EXPECT_EQ(out.query.rule_id, row.rule_id) << row.name;
    // The name that is reported is the one that was asked.
    EXPECT_EQ(out.query.qtype, row.type) << row.name;
  }
}

TEST_F(DnsQuery, OnlyTypesThatARuleNeeds) {
  for (const auto type : {kA, kAaaa, kCname, kSvcb, kHttps})
    EXPECT_EQ(Judge(Query("www.example.org", type)).query.why, WEIR_WHY_NAME) << type;
  for (const auto type : {kTxt, kAny, dnstest::kPtr, dnstest::kNs, std::uint16_t{10}})
    EXPECT_EQ(Judge(Query("www.example.org", type)).query.why, WEIR_WHY_DNS_TYPE) << type;
  EXPECT_EQ(Judge(Query("evil.example", kTxt)).query.why, WEIR_WHY_DNS_NAME);
}

TEST_F(DnsQuery, ALabelWithADotIsNotTwoLabels) {
  dnstest::Message query(dnstest::kId, dnstest::kQueryFlags, 1, 0);
  query.Raw(Bytes{10}).Raw("github.com").U8(0).U16(kA).U16(1);
  EXPECT_EQ(Judge(query).query.why, WEIR_WHY_DNS_NAME);
}

TEST_F(DnsQuery, WhatIsNotOneQuestionIsRefused) {
  EXPECT_EQ(Judge(Query("www.example.org").U8(0)).query.why, WEIR_WHY_DNS_FORM);
  const auto out = Judge(Question(), {Bytes{1, 2, 3}});
  EXPECT_EQ(out.query.why, WEIR_WHY_DNS_FORM);
  EXPECT_EQ(out.query.code, static_cast<std::uint32_t>(WEIR_DNS_E_SHORT));
}

// UDP_SEGMENT 28: the second datagram that leaves would be the query inside the label, for another name.
TEST_F(DnsQuery, AQueryInsideALabelDoesNotLeaveByASegment) {
  const Bytes hidden = Query("x.evil.net").bytes();
  ASSERT_EQ(hidden.size(), 28u);
  Bytes label(15, 'x');  // header 12, length byte 1, then up to the cut
  label.insert(label.end(), hidden.begin(), hidden.end());
  dnstest::Message query(dnstest::kId, dnstest::kQueryFlags, 1, 0);
  query.U8(static_cast<unsigned>(label.size())).Raw(label).Name("example.net").U16(kA).U16(1);
  ASSERT_EQ(Bytes(query.bytes().begin() + 28, query.bytes().begin() + 56), hidden);
  EXPECT_EQ(Judge(query).query.why, WEIR_WHY_NAME) << "as one datagram it is an odd name of an allowed wildcard";
  Segment(28);
  const auto out = Judge(query);
  EXPECT_EQ(out.query.why, WEIR_WHY_DNS_FORM);
  EXPECT_EQ(out.query.code, static_cast<std::uint32_t>(WEIR_DNS_E_SEGMENTS));
}

TEST_F(DnsQuery, AnotherScopesRulesDoNotSpeak) {
  auto in = Question();
  in.in.scope_id = kScope + 1;
  EXPECT_EQ(Judge(in, {Query("www.example.org").bytes()}).query.why, WEIR_WHY_DNS_NAME);
}

// The key in the table is a hash; a stored name that differs does not count as found.
TEST_F(DnsQuery, AHashAloneIsNoMatch) {
  weir_name entry{};
  entry.rule_id = 66;
  const auto other = dnstest::Wire("other.example");
  std::copy(other.begin(), other.end(), entry.name);
  ASSERT_TRUE(MapPut((*bpf_)->maps.weir_names, NameKey(dnstest::Wire("forged.example"), WEIR_NAME_EXACT), entry));
  EXPECT_EQ(Judge(Query("forged.example")).query.why, WEIR_WHY_DNS_NAME);
}

TEST_F(DnsQuery, RefusedQueriesAreNotRemembered) {
  Judge(Query("evil.example"));
  EXPECT_EQ(Usage().pending, 0u);
  Judge(Query("www.example.org"));
  EXPECT_EQ(Usage().pending, 1u);
}

TEST_F(DnsQuery, AFullShareIsCountedAndTheQueryStillJudged) {
  SetUsage(0, WEIR_MAX_SCOPE_PENDING);
  EXPECT_EQ(Judge(Query("www.example.org")).query.why, WEIR_WHY_NAME);
  EXPECT_EQ(Count(WEIR_C_PENDING_FULL), 1u);
  EXPECT_EQ(Usage().pending, WEIR_MAX_SCOPE_PENDING);
}

}  // namespace
}  // namespace weir::lab
