// SPDX-License-Identifier: Apache-2.0
// The forwarder between a client and a server of the test's on loopback. What answers teach needs a resolver that is
// believed: tests/kernel/forwarder.
#include "sensor/dnsforward/forwarder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <mutex>
#include <random>

#include "bpf/abi.h"
#include "sensor/dnsforward/frame.h"
#include "tests/unit/dnsforward/tcp_dns.h"

namespace weir::dns_forward {
namespace {

using namespace std::chrono_literals;
using test::Id;
using test::MakeAnswer;
using test::MakeQuery;
using test::Policy;
using test::Rcode;
using test::TcpDnsClient;
using test::TcpDnsServer;
using test::V4;
using test::Wire;

std::vector<std::string> OneAddress(const std::string& query) { return {MakeAnswer(query, {V4(192, 0, 2, 1)})}; }

class ForwarderTest : public testing::Test {
 protected:
  void Start(TcpDnsServer::Answer answer, policy::Mode mode = policy::Mode::kBlock, Limits limits = {}) {
    server_ = std::make_unique<TcpDnsServer>(std::move(answer));
    StartWith({V4(127, 0, 0, 1)}, server_->port(), mode, limits);
  }
  void StartWith(std::vector<policy::Address> resolvers, std::uint16_t port, policy::Mode mode = policy::Mode::kBlock,
                 Limits limits = {}) {
    Callbacks callbacks;
    callbacks.learn = [this](const Lesson&) -> Result<> {
      ++lessons_;
      return {};
    };
    callbacks.event = [this](std::uint32_t scope_id, std::uint32_t, events::Body body) {
      std::lock_guard lock(mutex_);
      EXPECT_EQ(scope_id, 7u);
      if (const auto* query = std::get_if<events::DnsQuery>(&body)) queries_.push_back(*query);
      if (const auto* finding = std::get_if<events::Finding>(&body)) findings_.push_back(finding->kind);
    };
    callbacks.alive = [this] { ++beats_; };
    forwarder_ = *Forwarder::Create(std::move(callbacks), limits);
    JobSpec job;
    job.scope_id = 7;
    job.resolvers = std::move(resolvers);
    job.resolver_port = port;
    job.search = {Wire("corp.test")};
    job.policy = Policy(mode);
    const auto ports = forwarder_->AddJob(job);
    ASSERT_TRUE(ports) << ports.error().what;
    ports_ = *ports;
  }
  std::vector<events::DnsQuery> Queries() {
    std::lock_guard lock(mutex_);
    return queries_;
  }
  Counters Count() { return forwarder_->CountersOf(7); }

  std::unique_ptr<TcpDnsServer> server_;
  std::mutex mutex_;
  std::vector<events::DnsQuery> queries_;
  std::vector<std::string> findings_;
  std::atomic<int> lessons_{0};
  std::atomic<int> beats_{0};
  Ports ports_;
  std::unique_ptr<Forwarder> forwarder_;
};

TEST_F(ForwarderTest, PassesAnAllowedQueryAndItsAnswer) {
  Start(OneAddress);
  TcpDnsClient client(ports_.v4);
  const std::string query = MakeQuery(1, "www.example.org");
  EXPECT_EQ(client.Ask(query), OneAddress(query)[0]);
  const std::string search = MakeQuery(2, "www.example.org.corp.test");
  EXPECT_EQ(client.Ask(search), OneAddress(search)[0]);
  EXPECT_EQ(Count().queries_allowed, 2u);
  ASSERT_EQ(Queries().size(), 2u);
  EXPECT_EQ(Queries()[0].why, WEIR_WHY_NAME);
  EXPECT_EQ(Queries()[1].why, WEIR_WHY_SEARCH);
  EXPECT_TRUE(Queries()[0].tcp);
  EXPECT_EQ(server_->connections(), 1);
}

TEST_F(ForwarderTest, ListensOnIpv6Too) {
  Start(OneAddress);
  if (ports_.v6 == 0) GTEST_SKIP() << "no IPv6 here";
  TcpDnsClient client(ports_.v6, -1, true);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "www.example.org"))), 0u);
}

TEST_F(ForwarderTest, RefusesAtOnceWithoutAskingAnyone) {
  Start(OneAddress);
  TcpDnsClient client(ports_.v4);
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint16_t i = 0; i < 5; ++i) {
    const std::string response = client.Ask(MakeQuery(i, "secret.evil.test"));
    EXPECT_EQ(Rcode(response), 5u);
    EXPECT_EQ(Id(response), i);
  }
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(9, "www.example.org", 16))), 5u) << "TXT";
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(9, "www.example.org") + "x")), 5u) << "bytes behind the question";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  EXPECT_TRUE(server_->Queries().empty());
  EXPECT_EQ(Count().queries_denied, 7u);
  const auto queries = Queries();
  ASSERT_EQ(queries.size(), 3u) << "the same query is told once, and counted each time";
  EXPECT_EQ(queries[0].verdict, events::Verdict::kDeny);
  EXPECT_EQ(queries[0].why, WEIR_WHY_DNS_NAME);
  EXPECT_EQ(queries[1].why, WEIR_WHY_DNS_TYPE);
  EXPECT_EQ(queries[2].why, WEIR_WHY_DNS_FORM);
}

TEST_F(ForwarderTest, LetsEverythingThroughInAuditAndSaysSo) {
  Start([](const std::string& query) { return std::vector{query.size() > 12 ? MakeAnswer(query, {}) : query}; },
        policy::Mode::kAudit);
  TcpDnsClient client(ports_.v4);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "secret.evil.test"))), 0u);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(2, "secret.evil.test") + "xyz")), 0u) << "malformed";
  EXPECT_EQ(Count().queries_would_deny, 2u);
  EXPECT_EQ(server_->Queries().size(), 2u);
  EXPECT_EQ(Queries()[0].verdict, events::Verdict::kWouldDeny);
}

TEST_F(ForwarderTest, ServesPipelinedQueriesInAnyOrderOfAnswers) {
  // Holds three, then answers in the opposite order.
  auto held = std::make_shared<std::vector<std::string>>();
  Start([held](const std::string& query) -> std::vector<std::string> {
    held->push_back(MakeAnswer(query, {V4(192, 0, 2, 1)}));
    if (held->size() < 3) return {};
    return {held->rbegin(), held->rend()};
  });
  TcpDnsClient client(ports_.v4);
  std::string stream;
  AppendFrame(stream, MakeQuery(1, "a.example.org"));
  AppendFrame(stream, MakeQuery(2, "b.example.org"));
  AppendFrame(stream, MakeQuery(99, "evil.test"));
  AppendFrame(stream, MakeQuery(3, "c.example.org"));
  client.SendRaw(stream);
  std::vector<unsigned> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(Id(client.Receive()));
  EXPECT_EQ(ids, (std::vector<unsigned>{99, 3, 2, 1})) << "the refused one at once";
}

TEST_F(ForwarderTest, JudgesMessagesThatComeByteByByte) {
  Start(OneAddress);
  TcpDnsClient client(ports_.v4);
  std::string stream;
  AppendFrame(stream, MakeQuery(1, "a.example.org"));
  AppendFrame(stream, MakeQuery(2, "evil.test"));
  for (const char byte : stream) client.SendRaw({&byte, 1});
  std::map<unsigned, unsigned> rcodes;
  for (int i = 0; i < 2; ++i) {
    const std::string response = client.Receive();
    rcodes[Id(response)] = Rcode(response);
  }
  EXPECT_EQ(rcodes, (std::map<unsigned, unsigned>{{1, 0}, {2, 5}}));
  EXPECT_EQ(server_->Queries().size(), 1u);
}

TEST_F(ForwarderTest, KeepsHundredsOfQueriesWithinItsBounds) {
  Start(OneAddress);
  TcpDnsClient client(ports_.v4);
  std::string stream;
  for (std::uint16_t i = 0; i < 500; ++i) AppendFrame(stream, MakeQuery(i, "n" + std::to_string(i) + ".example.org"));
  client.SendRaw(stream);
  std::vector<bool> seen(500);
  for (int i = 0; i < 500; ++i) {
    const unsigned id = Id(client.Receive());
    ASSERT_LT(id, 500u) << i;
    seen[id] = true;
  }
  EXPECT_THAT(seen, testing::Each(true));
}

TEST_F(ForwarderTest, PassesLargeAnswers) {
  Start([](const std::string& query) {
    return std::vector{MakeAnswer(query, std::vector(64, V4(192, 0, 2, 1))) + std::string(60'000, '\0')};
  });
  TcpDnsClient client(ports_.v4);
  for (std::uint16_t i = 0; i < 20; ++i) EXPECT_GT(client.Ask(MakeQuery(i, "a.example.org")).size(), 60'000u) << i;
}

TEST_F(ForwarderTest, PassesTruncatedAnswersAndFailures) {
  for (const unsigned flags : {0x8380u, 0x8183u, 0x8182u}) {
    Start([flags](const std::string& query) { return std::vector{MakeAnswer(query, {}, flags)}; });
    TcpDnsClient client(ports_.v4);
    EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), flags & 15) << flags;
    EXPECT_EQ(lessons_, 0);
    EXPECT_EQ(Count().answers_refused, 0u);
    forwarder_.reset();
  }
}

TEST_F(ForwarderTest, DropsAnswersToQuestionsThatNobodyAsked) {
  Start([](const std::string& query) {
    return std::vector{MakeAnswer(MakeQuery(static_cast<std::uint16_t>(Id(query)), "other.example.org"), {}),
                       MakeAnswer(MakeQuery(77, "a.example.org"), {}), OneAddress(query)[0], OneAddress(query)[0]};
  });
  TcpDnsClient client(ports_.v4);
  const std::string query = MakeQuery(1, "a.example.org");
  EXPECT_EQ(client.Ask(query), OneAddress(query)[0]);
  const std::string next = MakeQuery(2, "b.example.org");
  EXPECT_EQ(client.Ask(next), OneAddress(next)[0]);
  EXPECT_GE(Count().answers_stray, 5u);
}

TEST_F(ForwarderTest, BelievesNoLoopbackResolverWithoutProof) {
  Start(OneAddress);
  TcpDnsClient client(ports_.v4);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), 0u) << "delivered";
  EXPECT_EQ(lessons_, 0) << "but it teaches nothing";
  EXPECT_EQ(Count().answers_refused, 1u);
}

TEST_F(ForwarderTest, AsksAgainWhenAResolverCloses) {
  // One query a connection.
  Start([](const std::string& query) { return std::vector{OneAddress(query)[0], std::string("close")}; });
  TcpDnsClient client(ports_.v4);
  std::string stream;
  for (std::uint16_t i = 0; i < 10; ++i) AppendFrame(stream, MakeQuery(i, "a.example.org"));
  client.SendRaw(stream);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Rcode(client.Receive()), 0u) << i;
  EXPECT_EQ(Count().queries_failed, 0u);
}

TEST_F(ForwarderTest, AsksTheNextResolverWhenOneIsAway) {
  server_ = std::make_unique<TcpDnsServer>(OneAddress);
  // Nothing listens on 127.0.0.2 at that port; the server does on 127.0.0.1.
  StartWith({V4(127, 0, 0, 2), V4(127, 0, 0, 1)}, server_->port());
  TcpDnsClient client(ports_.v4);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), 0u);
}

TEST_F(ForwarderTest, AnswersServfailWhenNoResolverAnswers) {
  Limits limits;
  limits.upstream_answer = 100ms;
  Start([](const std::string&) { return std::vector<std::string>{}; }, policy::Mode::kBlock, limits);
  TcpDnsClient client(ports_.v4);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), 2u);
  EXPECT_EQ(Count().queries_failed, 1u);
  server_.reset();
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(2, "a.example.org"))), 2u) << "refused connections too";
}

TEST_F(ForwarderTest, AnswersServfailWithoutResolvers) {
  StartWith({}, 53);
  TcpDnsClient client(ports_.v4);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), 2u);
}

TEST_F(ForwarderTest, ClosesIdleAndSlowClients) {
  Limits limits;
  limits.client_idle = 200ms;
  Start(OneAddress, policy::Mode::kBlock, limits);
  TcpDnsClient idle(ports_.v4);
  EXPECT_EQ(idle.Receive(), "") << "closed";
  TcpDnsClient slow(ports_.v4);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i) {
    slow.SendRaw("\0");
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(slow.Receive(), "");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

TEST_F(ForwarderTest, BoundsTheConnectionsOfAJob) {
  Limits limits;
  limits.connections_per_job = 3;
  Start(OneAddress, policy::Mode::kBlock, limits);
  std::vector<std::unique_ptr<TcpDnsClient>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<TcpDnsClient>(ports_.v4));
    EXPECT_EQ(Rcode(clients.back()->Ask(MakeQuery(1, "a.example.org"))), 0u);
  }
  TcpDnsClient fourth(ports_.v4);
  EXPECT_EQ(fourth.Ask(MakeQuery(1, "a.example.org")), "");
  EXPECT_EQ(Count().connections_refused, 1u);
  EXPECT_EQ(Rcode(clients[0]->Ask(MakeQuery(2, "a.example.org"))), 0u) << "the others go on";
}

TEST_F(ForwarderTest, AnswersAClientThatHasEndedItsSide) {
  Start([](const std::string& query) {
    std::this_thread::sleep_for(50ms);
    return OneAddress(query);
  });
  TcpDnsClient client(ports_.v4);
  client.Send(MakeQuery(1, "a.example.org"));
  client.ShutdownWrite();
  EXPECT_EQ(Rcode(client.Receive()), 0u);
  EXPECT_EQ(client.Receive(), "") << "then it is over";
}

TEST_F(ForwarderTest, SurvivesRandomStreams) {
  Start(OneAddress);
  std::mt19937 random(11);
  for (int i = 0; i < 200; ++i) {
    TcpDnsClient client(ports_.v4);
    std::string stream;
    for (int k = 0; k < 5; ++k) {
      std::string message = MakeQuery(static_cast<std::uint16_t>(k), "a.example.org");
      for (int flips = 0; flips < static_cast<int>(random() % 4); ++flips) {
        message[random() % message.size()] = static_cast<char>(random());
      }
      AppendFrame(stream, message);
    }
    if (i % 3 == 0) stream[random() % stream.size()] = static_cast<char>(random());
    if (i % 4 == 0) stream.resize(random() % stream.size());
    client.SendRaw(stream);
    if (i % 2) client.ShutdownWrite();
  }
  // Connections that still end count against the job's bound: a client that is refused comes again, as resolvers do.
  unsigned rcode = 255;
  for (int tries = 0; tries < 100 && rcode != 0; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(50ms);
    TcpDnsClient client(ports_.v4);
    rcode = Rcode(client.Ask(MakeQuery(1, "a.example.org")));
  }
  EXPECT_EQ(rcode, 0u);
}

TEST_F(ForwarderTest, EndsAJobsConnections) {
  Start(OneAddress);
  TcpDnsClient client(ports_.v4);
  EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), 0u);
  forwarder_->RemoveJob(7);
  EXPECT_EQ(client.Ask(MakeQuery(2, "a.example.org")), "");
  EXPECT_EQ(Count(), Counters{});
  JobSpec again;
  again.scope_id = 7;
  again.policy = Policy(policy::Mode::kBlock);
  ASSERT_TRUE(forwarder_->AddJob(again));
  const auto twice = forwarder_->AddJob(again);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::kExists);
}

TEST_F(ForwarderTest, SaysThatItIsAlive) {
  Start(OneAddress);
  for (int i = 0; i < 40 && beats_ < 3; ++i) std::this_thread::sleep_for(50ms);
  EXPECT_GE(beats_, 3);
}

}  // namespace
}  // namespace weir::dns_forward
