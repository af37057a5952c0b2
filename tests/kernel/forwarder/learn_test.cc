// SPDX-License-Identifier: Apache-2.0
// The forwarder in a network namespace of the test's own: whom it believes, what it learns, and when.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include "bpf/abi.h"
#include "sensor/base/sock_diag.h"
#include "sensor/dnsforward/forwarder.h"
#include "sensor/dnsforward/server_scope.h"
#include "tests/unit/dnsforward/tcp_dns.h"

namespace weir::dns_forward {
namespace {

using namespace std::chrono_literals;
using test::MakeAnswer;
using test::MakeQuery;
using test::Rcode;
using test::TcpDnsClient;
using test::TcpDnsServer;
using test::V4;
using test::Wire;

/// A network namespace with loopback up; lives as long as the fd.
Fd MakeNetns() {
  Fd netns;
  std::thread([&] {
    if (unshare(CLONE_NEWNET)) return;
    const Fd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq up{};
    std::strcpy(up.ifr_name, "lo");
    up.ifr_flags = IFF_UP;
    if (ioctl(control.get(), SIOCSIFFLAGS, &up)) return;
    netns.Reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }).join();
  return netns;
}

/// A map like weir_socks, without the programs.
Fd MakeSocksMap() {
  btf* types = btf__new_empty();
  const int key = btf__add_int(types, "int", 4, BTF_INT_SIGNED);
  const int byte = btf__add_int(types, "byte", 1, 0);
  const int value = btf__add_array(types, key, byte, sizeof(weir_sock));
  const int whole = btf__add_struct(types, "value", sizeof(weir_sock));
  btf__add_field(types, "bytes", value, 0, 0);
  btf__load_into_kernel(types);
  LIBBPF_OPTS(bpf_map_create_opts, options);
  options.map_flags = BPF_F_NO_PREALLOC | BPF_F_CLONE;
  options.btf_fd = static_cast<__u32>(btf__fd(types));
  options.btf_key_type_id = static_cast<__u32>(key);
  options.btf_value_type_id = static_cast<__u32>(whole);
  Fd map(bpf_map_create(BPF_MAP_TYPE_SK_STORAGE, "test_socks", sizeof(int), sizeof(weir_sock), 0, &options));
  btf__free(types);
  return map;
}

class ForwarderLearns : public testing::Test {
 protected:
  void SetUp() override {
    netns_ = MakeNetns();
    ASSERT_TRUE(netns_) << "needs CAP_SYS_ADMIN";
    socks_ = MakeSocksMap();
    ASSERT_TRUE(socks_) << "needs CAP_BPF: " << strerror(errno);
    gone_.Reset(bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "test_gone", sizeof(weir_fwd_gone_key), sizeof(weir_fwd_gone), 64,
                               nullptr));
    ASSERT_TRUE(gone_) << strerror(errno);
  }

  void Start(TcpDnsServer::Answer answer, policy::Mode mode = policy::Mode::kBlock) {
    server_ = std::make_unique<TcpDnsServer>(std::move(answer), netns_.get());
    Callbacks callbacks;
    callbacks.learn = [this](const Lesson& lesson) -> Result<> {
      std::lock_guard lock(mutex_);
      lessons_.push_back({std::string(lesson.name),
                          {lesson.addresses.begin(), lesson.addresses.end()},
                          lesson.ports.size(),
                          lesson.rule_id,
                          lesson.ttl_s});
      if (learn_fails_) return Fail(Code::kExhausted, "full");
      return {};
    };
    callbacks.event = [this](std::uint32_t, std::uint32_t step, events::Body body) {
      std::lock_guard lock(mutex_);
      steps_.push_back(step);
      if (const auto* query_event = std::get_if<events::DnsQuery>(&body)) queries_.push_back(*query_event);
      if (const auto* answer_event = std::get_if<events::DnsAnswer>(&body)) answers_.push_back(*answer_event);
      if (const auto* finding = std::get_if<events::Finding>(&body)) findings_.push_back(finding->kind);
    };
    callbacks.maps = {socks_.get(), gone_.get()};
    forwarder_ = *Forwarder::Create(std::move(callbacks));
    auto compiled = std::make_shared<policy::CompiledPolicy>();
    compiled->mode = mode;
    policy::NameRule rule;
    rule.wire = Wire("example.org");
    rule.wildcard = true;
    rule.rule_id = 3;
    rule.ports = {{policy::kAnyProcess, 3, 443, 6}, {policy::kAnyProcess, 3, 443, 17}};
    compiled->names.push_back(rule);
    JobSpec job;
    job.scope_id = 7;
    job.netns_fd = netns_.get();
    job.resolvers = {V4(127, 0, 0, 1)};
    job.resolver_port = server_->port();
    job.search = {Wire("corp.test")};
    job.policy = std::move(compiled);
    const auto ports = forwarder_->AddJob(job);
    ASSERT_TRUE(ports) << ports.error().what;
    port_ = ports->v4;
  }

  std::string Ask(const std::string& query) {
    TcpDnsClient client(port_, netns_.get());
    return client.Ask(query);
  }

  struct Learned {
    std::string name;
    std::vector<policy::Address> addresses;
    std::size_t ports;
    std::uint32_t rule_id, ttl_s;
  };
  std::vector<Learned> Lessons() {
    std::lock_guard lock(mutex_);
    return lessons_;
  }
  std::vector<std::string> Findings() {
    std::lock_guard lock(mutex_);
    return findings_;
  }

  std::vector<events::DnsQuery> Queries() {
    std::lock_guard lock(mutex_);
    return queries_;
  }

  Fd netns_, socks_, gone_;
  std::mutex mutex_;
  std::vector<Learned> lessons_;
  std::vector<events::DnsQuery> queries_;
  std::vector<std::uint32_t> steps_;
  std::vector<events::DnsAnswer> answers_;
  std::vector<std::string> findings_;
  std::atomic<bool> learn_fails_{false};
  std::uint16_t port_ = 0;
  std::unique_ptr<TcpDnsServer> server_;
  std::unique_ptr<Forwarder> forwarder_;
};

TEST_F(ForwarderLearns, BeforeTheClientHasTheAnswer) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {V4(192, 0, 2, 1)})}; });
  for (std::uint16_t i = 1; i <= 200; ++i) {
    ASSERT_EQ(Rcode(Ask(MakeQuery(i, "n" + std::to_string(i) + ".example.org"))), 0u);
    ASSERT_EQ(Lessons().size(), i) << "learned when the answer is here";
  }
  const auto lesson = Lessons().front();
  EXPECT_EQ(lesson.name, Wire("n1.example.org"));
  EXPECT_EQ(lesson.addresses, std::vector<policy::Address>{V4(192, 0, 2, 1)});
  EXPECT_EQ(lesson.ports, 2u);
  EXPECT_EQ(lesson.rule_id, 3u);
  EXPECT_EQ(lesson.ttl_s, 60u);
  EXPECT_EQ(forwarder_->CountersOf(7).answers_learned, 200u);
  ASSERT_FALSE(answers_.empty());
  EXPECT_TRUE(answers_[0].tcp);
}

TEST_F(ForwarderLearns, SixtyFourAddressesAndNotSixtyFive) {
  std::vector<policy::Address> addresses;
  for (std::uint8_t i = 1; i <= 65; ++i) addresses.push_back(V4(192, 0, 2, i));
  std::atomic<std::size_t> count{64};
  Start([&](const std::string& query) {
    return std::vector{MakeAnswer(query, {addresses.begin(), addresses.begin() + static_cast<std::ptrdiff_t>(count)})};
  });
  EXPECT_EQ(Rcode(Ask(MakeQuery(1, "many.example.org"))), 0u);
  ASSERT_EQ(Lessons().size(), 1u);
  EXPECT_EQ(Lessons()[0].addresses.size(), 64u);
  EXPECT_EQ(answers_[0].addresses.size(), std::size_t{WEIR_DNS_EVENT_ADDRS});
  EXPECT_EQ(answers_[0].address_count, 64u);
  count = 65;
  EXPECT_EQ(Rcode(Ask(MakeQuery(2, "more.example.org"))), 0u) << "delivered";
  EXPECT_EQ(Lessons().size(), 1u) << "and refused whole";
  EXPECT_THAT(Findings(), testing::Contains("answer-refused"));
}

TEST_F(ForwarderLearns, NoPortsForBarredAddressesSearchNamesAndAuditedDenials) {
  Start(
      [](const std::string& query) {
        return std::vector{MakeAnswer(query, {V4(169, 254, 169, 254), V4(192, 0, 2, 1)})};
      },
      policy::Mode::kAudit);
  (void)Ask(MakeQuery(1, "a.example.org"));
  ASSERT_EQ(Lessons().size(), 2u);
  EXPECT_EQ(Lessons()[0].addresses, std::vector<policy::Address>{V4(192, 0, 2, 1)});
  EXPECT_EQ(Lessons()[0].ports, 2u);
  EXPECT_EQ(Lessons()[1].addresses, (std::vector<policy::Address>{V4(169, 254, 169, 254)}));
  EXPECT_EQ(Lessons()[1].ports, 0u) << "metadata addresses get a name only";
  (void)Ask(MakeQuery(2, "a.example.org.corp.test"));
  (void)Ask(MakeQuery(3, "evil.test"));
  ASSERT_EQ(Lessons().size(), 6u);
  for (std::size_t i = 2; i < 6; ++i) EXPECT_EQ(Lessons()[i].ports, 0u) << i;
}

TEST_F(ForwarderLearns, NothingFromForeignRecordsTypesAndFailures) {
  // The owner of the record is another name than the question's.
  Start([](const std::string& query) {
    std::string answer = MakeAnswer(query, {V4(192, 0, 2, 1)});
    if (test::Id(query) == 1) {
      const std::size_t owner = query.size();
      answer.replace(owner, 2, Wire("evil.test"));
    }
    if (test::Id(query) == 3) answer = MakeAnswer(query, {V4(192, 0, 2, 1)}, 0x8183);
    if (test::Id(query) == 4) answer = MakeAnswer(query, {V4(192, 0, 2, 1)}, 0x8380);
    return std::vector{answer};
  });
  (void)Ask(MakeQuery(1, "a.example.org"));
  (void)Ask(MakeQuery(2, "a.example.org", 65));
  (void)Ask(MakeQuery(3, "a.example.org"));
  (void)Ask(MakeQuery(4, "a.example.org"));
  EXPECT_TRUE(Lessons().empty());
  EXPECT_EQ(forwarder_->CountersOf(7).answers_refused, 1u);
}

TEST_F(ForwarderLearns, NothingFromAResolverThatTheJobServesItself) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {V4(203, 0, 113, 66)})}; });
  // As sock_create does when a task of the scope makes the listener; accepted sockets inherit it.
  weir_sock storage{};
  storage.scope_id = 7;
  const int listener = server_->listener_fd();
  ASSERT_EQ(bpf_map_update_elem(socks_.get(), &listener, &storage, BPF_ANY), 0) << strerror(errno);
  EXPECT_EQ(Rcode(Ask(MakeQuery(1, "a.example.org"))), 0u);
  EXPECT_TRUE(Lessons().empty());
  EXPECT_THAT(Findings(), testing::Contains("fake-resolver"));
  EXPECT_EQ(forwarder_->CountersOf(7).answers_refused, 1u);
}

// For the client such a connection is there at once; the server has no socket for it before data comes, and what the
// kernel keeps instead does not tell whose it will be.
TEST_F(ForwarderLearns, NothingFromTheJobsResolverThatPutsOffItsSocket) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {V4(203, 0, 113, 66)})}; });
  weir_sock storage{};
  storage.scope_id = 7;
  const int listener = server_->listener_fd(), seconds = 5;
  ASSERT_EQ(bpf_map_update_elem(socks_.get(), &listener, &storage, BPF_ANY), 0) << strerror(errno);
  ASSERT_EQ(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)), 0);
  EXPECT_EQ(Rcode(Ask(MakeQuery(1, "a.example.org"))), 0u);
  EXPECT_TRUE(Lessons().empty());
  EXPECT_THAT(Findings(), testing::Contains("fake-resolver"));
}

TEST_F(ForwarderLearns, AHostsResolverThatPutsOffItsSocketIsBelieved) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {V4(192, 0, 2, 1)})}; });
  const int seconds = 5;
  ASSERT_EQ(setsockopt(server_->listener_fd(), IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)), 0);
  EXPECT_EQ(Rcode(Ask(MakeQuery(1, "a.example.org"))), 0u);
  EXPECT_EQ(Lessons().size(), 1u);
}

TEST_F(ForwarderLearns, TellsTheProcessThatMadeTheConnection) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {V4(192, 0, 2, 1)})}; });
  for (std::uint32_t process = 1; process <= 2; ++process) {
    TcpDnsClient client(port_, netns_.get());
    // As the connect hook does.
    weir_sock storage{};
    storage.scope_id = 7;
    storage.exec_id = 70 + process;
    storage.tgid = 1000 + process;
    const int fd = client.fd();
    ASSERT_EQ(bpf_map_update_elem(socks_.get(), &fd, &storage, BPF_ANY), 0) << strerror(errno);
    EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "a.example.org"))), 0u);
    EXPECT_EQ(Rcode(client.Ask(MakeQuery(2, "a.example.org"))), 0u) << "the same again is no news";
  }
  const auto queries = Queries();
  ASSERT_EQ(queries.size(), 2u) << "but it is of another process";
  EXPECT_EQ(queries[0].exec_id, 71u);
  EXPECT_EQ(queries[0].pid, 1001u);
  EXPECT_EQ(queries[1].exec_id, 72u);
  ASSERT_EQ(answers_.size(), 1u);
  EXPECT_EQ(answers_[0].exec_id, 71u);
}

TEST_F(ForwarderLearns, TellsTheProcessThatHasLeftAlready) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {})}; });
  const auto ask = [&](std::uint32_t of_scope) {
    TcpDnsClient client(port_, netns_.get());
    sockaddr_in own{};
    socklen_t bytes = sizeof(own);
    getsockname(client.fd(), reinterpret_cast<sockaddr*>(&own), &bytes);
    // As the release hook does.
    const weir_fwd_gone_key key{of_scope, own.sin_port, 0, 0};
    const weir_fwd_gone gone{88, 99, 3};
    EXPECT_EQ(bpf_map_update_elem(gone_.get(), &key, &gone, BPF_ANY), 0);
    EXPECT_EQ(Rcode(client.Ask(MakeQuery(1, "evil.test"))), 5u);
  };
  ask(7);
  ask(8);
  const auto queries = Queries();
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(queries[0].exec_id, 88u);
  EXPECT_EQ(queries[0].pid, 99u);
  EXPECT_EQ(steps_, (std::vector<std::uint32_t>{3, 0}));
  EXPECT_EQ(queries[1].exec_id, 0u) << "another scope's connection";
}

TEST_F(ForwarderLearns, SaysSoWhenTheTablesAreFull) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {V4(192, 0, 2, 1)})}; });
  learn_fails_ = true;
  EXPECT_EQ(Rcode(Ask(MakeQuery(1, "a.example.org"))), 0u) << "delivered; its connect will be denied";
  EXPECT_EQ(forwarder_->CountersOf(7).learn_failed, 1u);
  EXPECT_EQ(forwarder_->CountersOf(7).answers_learned, 0u);
  EXPECT_THAT(Findings(), testing::Contains("learned-full"));
}

TEST_F(ForwarderLearns, IsReachedInItsNamespaceOnly) {
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {})}; });
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const Fd outside(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_NE(connect(outside.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
}

TEST_F(ForwarderLearns, NothingIsFoundOutAboutARemoteServer) {
  // The other end of this connection is in another namespace: not local, whatever its address.
  const Fd elsewhere = MakeNetns();
  ASSERT_TRUE(elsewhere);
  Start([](const std::string& query) { return std::vector{MakeAnswer(query, {})}; });
  auto connected = OpenUpstream(netns_.get(), V4(127, 0, 0, 1), server_->port());
  ASSERT_TRUE(connected);
  std::this_thread::sleep_for(50ms);
  const auto here = FindServer(OpenSockDiag(netns_.get())->get(), connected->get(), socks_.get());
  ASSERT_TRUE(here) << here.error().what;
  EXPECT_TRUE(here->local);
  const auto there = FindServer(OpenSockDiag(elsewhere.get())->get(), connected->get(), socks_.get());
  ASSERT_TRUE(there) << there.error().what;
  EXPECT_FALSE(there->local);
}

}  // namespace
}  // namespace weir::dns_forward
