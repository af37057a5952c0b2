// SPDX-License-Identifier: Apache-2.0
// Clients, servers and hosts that leave the forwarder without an answer, a reader, memory or descriptors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <mutex>
#include <optional>
#include <thread>

#include "sensor/dnsforward/forwarder.h"
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

class HostileTest : public testing::Test {
 protected:
  void Start(TcpDnsServer::Answer answer, policy::Mode mode = policy::Mode::kBlock, Limits limits = {}) {
    server_ = std::make_unique<TcpDnsServer>(std::move(answer));
    Callbacks callbacks;
    callbacks.learn = [](const Lesson&) -> Result<> { return {}; };
    callbacks.event = [this](std::uint32_t, std::uint32_t, events::Body body) {
      std::lock_guard lock(mutex_);
      if (const auto* finding = std::get_if<events::Finding>(&body)) findings_.push_back(finding->kind);
    };
    forwarder_ = *Forwarder::Create(std::move(callbacks), limits);
    JobSpec job;
    job.scope_id = 7;
    job.resolvers = {V4(127, 0, 0, 1)};
    job.resolver_port = server_->port();
    job.policy = Policy(mode);
    const auto ports = forwarder_->AddJob(job);
    ASSERT_TRUE(ports) << ports.error().what;
    port_ = ports->v4;
  }
  Counters Count() { return forwarder_->CountersOf(7); }
  std::vector<std::string> Findings() {
    std::lock_guard lock(mutex_);
    return findings_;
  }
  template <typename Condition>
  static bool Within(std::chrono::milliseconds limit, Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  std::mutex mutex_;
  std::vector<std::string> findings_;
  std::unique_ptr<TcpDnsServer> server_;
  std::unique_ptr<Forwarder> forwarder_;
  std::uint16_t port_ = 0;
};

// Processor time of this whole process while it waits for `span`.
std::chrono::milliseconds BusyDuring(std::chrono::milliseconds span) {
  const auto used = [] {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return std::chrono::milliseconds(now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
  };
  const auto before = used();
  std::this_thread::sleep_for(span);
  return used() - before;
}

TEST_F(HostileTest, LetsGoOfAClientThatLeavesWhileItsQueryIsOpen) {
  Start([](const std::string&) { return std::vector<std::string>{}; });
  {
    TcpDnsClient client(port_);
    std::string both;
    AppendFrame(both, MakeQuery(1, "slow.example.org"));
    AppendFrame(both, MakeQuery(2, "refused.test"));
    client.SendRaw(both);
    client.ShutdownWrite();
    std::this_thread::sleep_for(50ms);
  }  // closed without reading what was refused: a reset
  EXPECT_LT(BusyDuring(1000ms), 200ms) << "it spins";
}

TEST_F(HostileTest, HoldsFewLargeQueriesOfOneClient) {
  // Audit mode passes on what is no query, too, and a message may have 64 KiB.
  std::atomic<bool> stop{false};
  Limits limits;
  limits.upstream_answer = 20s;
  Start(
      [&](const std::string&) {
        while (!stop) std::this_thread::sleep_for(5ms);
        return std::vector<std::string>{};
      },
      policy::Mode::kAudit, limits);
  TcpDnsClient client(port_);
  std::thread sender([&] {
    for (std::uint16_t id = 1; id <= 32; ++id) client.Send(MakeQuery(id, "a.test") + std::string(60'000, 'x'));
  });
  std::this_thread::sleep_for(500ms);
  EXPECT_LE(Count().queries_would_deny, 2u);
  EXPECT_GE(Count().queries_would_deny, 1u);
  stop = true;
  forwarder_->RemoveJob(7);
  sender.join();
}

TEST_F(HostileTest, EndsAQueryThatIsNeverAnsweredWhileOthersAre) {
  Limits limits;
  limits.upstream_answer = 200ms;
  Start(
      [](const std::string& query) {
        return Id(query) == 1 ? std::vector<std::string>{} : std::vector{MakeAnswer(query, {})};
      },
      policy::Mode::kBlock, limits);
  TcpDnsClient client(port_);
  client.Send(MakeQuery(1, "never.example.org"));
  std::optional<unsigned> rcode;
  const auto end = std::chrono::steady_clock::now() + 4s;
  for (std::uint16_t id = 2; !rcode && std::chrono::steady_clock::now() < end; ++id) {
    const std::string response = client.Ask(MakeQuery(id, "a.example.org"));
    if (Id(response) == 1) rcode = Rcode(response);
    std::this_thread::sleep_for(20ms);
  }
  EXPECT_EQ(rcode, 2u);
}

TEST_F(HostileTest, WaitsForDescriptorsInsteadOfSpinning) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {})}; });
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const Fd client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Fd last(dup(0));  // below it all are taken
  const rlimit none{static_cast<rlim_t>(last.get() + 1), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
  const auto busy = BusyDuring(1000ms);
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(connected, 0);
  EXPECT_THAT(Findings(), testing::Contains("dns-tcp-waits"));
  EXPECT_TRUE(Within(2s, [&] { return Count().connections == 1; })) << "taken when there are descriptors again";
  EXPECT_LT(busy, 200ms) << "it spins";
}

}  // namespace
}  // namespace weir::dns_forward
