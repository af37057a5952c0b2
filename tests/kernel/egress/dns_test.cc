// SPDX-License-Identifier: Apache-2.0
// Names in the kernel, with a resolver outside the job and real lookups: what is allowed works at the first connect,
// everything else fails at once, and answers that nobody vouches for teach nothing.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "bpf/name.h"
#include "tests/kernel/egress/resolver.h"
#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

constexpr const char* kResolver = "192.0.2.53";
constexpr const char* kName = "registry.example.org";

Result<> PutName(World& world, const std::string& name, unsigned kind, std::uint16_t port, std::uint32_t flags = 0) {
  const std::string wire = WireName(name);
  weir_name_key key{};
  key.hash = weir_name_hash(WEIR_NAME_SEED, reinterpret_cast<const __u8*>(wire.data()), wire.size());
  key.scope_id = World::kScope;
  key.len = static_cast<__u16>(wire.size());
  key.kind = static_cast<__u8>(kind);
  weir_name value{};
  value.flags = flags;
  value.rule_id = 5;
  if (port) {
    value.n_ports = 1;
    value.ports[0].proc_mask = WEIR_PROC_ANY;
    value.ports[0].rule_id = 5;
    value.ports[0].port = htons(port);
    value.ports[0].proto = 17;
  }
  std::memcpy(value.name, wire.data(), wire.size());
  return MapPut(world.egress().maps.weir_names, key, value);
}

// The cookie of the caller's network namespace, as the programs see it: a canary of the job connects. (SO_NETNS_COOKIE
// is not there on 5.10.)
bool TrustOwnNamespace(World& world) {
  auto child = Child::Fork([] { return TryConnect(SOCK_DGRAM, "192.0.2.1", 9); });
  if (!child || !world.job().Enter(child->pid())) return false;
  const auto pid = static_cast<std::uint32_t>(child->pid());
  auto task = MapGet<weir_task>(world.egress().maps.weir_tasks, pid);
  if (!task) return false;
  task->flags |= WEIR_T_CANARY;
  if (!MapPut(world.egress().maps.weir_tasks, pid, *task)) return false;
  child->Wait();
  const auto canary = MapGet<weir_canary>(world.egress().maps.weir_canary, World::kScope);
  return canary && world.TrustNamespace(canary->netns_cookie);
}

// Runs `body` in the job, in a namespace with a resolver of the outside on kResolver.
int WithResolver(World& world, const std::function<int()>& body, bool trust = true, bool own_resolver = false) {
  auto outside = world.root().CreateChild("outside");
  if (!outside) return -2;
  return world.InCgroup(*outside, [&] {
    if (!OwnNetwork({"192.0.2.53/32", "10.64.0.0/10"})) return 99;
    if (trust && !TrustOwnNamespace(world)) return 98;
    int ready[2];
    if (pipe(ready)) return 97;
    auto resolver = Child::Fork([&] { return ServeFreshAddresses(kResolver, ready[1]); });
    if (!resolver) return 96;
    if (own_resolver && !world.job().Enter(resolver->pid())) return 95;
    resolver->Go();
    char byte;
    if (read(ready[0], &byte, 1) != 1) return 94;
    auto job = Child::RunIn(world.job(), body);
    return job ? WEXITSTATUS(job->Wait()) : 93;
  });
}

Fd ConnectResolver() {
  Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in to = Ipv4(kResolver, 53);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) fd.Reset();
  return fd;
}

// errno of the lookup + 100, or of the connect that follows at once, or 0.
int LookupAndConnect(const std::string& name, std::uint16_t port) {
  const Fd fd = ConnectResolver();
  if (!fd) return 91;
  Answer answer;
  if (const int error = Ask(fd.get(), 7, name, &answer)) return 100 + error;
  if (answer.addresses.empty()) return 90;
  return TryConnect(SOCK_DGRAM, answer.addresses[0], port);
}

class Names : public testing::Test {
 protected:
  void Make(std::uint32_t mode) {
    auto made = World::Create(mode);
    ASSERT_TRUE(made) << made.error().what;
    world_ = std::move(*made);
    ASSERT_TRUE(world_->Resolver(kResolver));
    ASSERT_TRUE(PutName(*world_, kName, WEIR_NAME_EXACT, 443));
    ASSERT_TRUE(PutName(*world_, "pkg.example.org", WEIR_NAME_BELOW, 443));
    ASSERT_TRUE(PutName(*world_, "bad.pkg.example.org", WEIR_NAME_EXACT, 0, WEIR_N_DENY));
    ASSERT_TRUE(PutName(*world_, "ci.cluster.local", WEIR_NAME_SEARCH, 0));
  }
  void SetUp() override { Make(WEIR_MODE_BLOCK); }
  std::unique_ptr<World> world_;
};

struct Case {
  const char* name;
  const char* query;
  std::uint16_t port;
  int want;
};

class NameTable : public Names, public testing::WithParamInterface<Case> {};

TEST_P(NameTable, DecidesLookupAndConnect) {
  const Case& c = GetParam();
  EXPECT_EQ(WithResolver(*world_, [&] { return LookupAndConnect(c.query, c.port); }), c.want);
}

constexpr int kLookupRefused = 100 + EPERM;
INSTANTIATE_TEST_SUITE_P(
    Table, NameTable,
    testing::Values(Case{"Allowed", kName, 443, 0}, Case{"MixedCase", "ReGiStRy.Example.ORG", 443, 0},
                    Case{"RightNameWrongPort", kName, 444, EPERM},
                    Case{"Other", "evil.example.net", 443, kLookupRefused},
                    Case{"LookAlike", "evilregistry.example.org", 443, kLookupRefused},
                    Case{"LongerName", "registry.example.org.attacker.test", 443, kLookupRefused},
                    Case{"Parent", "example.org", 443, kLookupRefused},
                    Case{"BelowWildcard", "a.b.c.pkg.example.org", 443, 0},
                    Case{"ApexOfWildcard", "pkg.example.org", 443, kLookupRefused},
                    Case{"DeniedBelowWildcard", "bad.pkg.example.org", 443, kLookupRefused},
                    Case{"SearchSuffixTeachesNothing", "registry.example.org.ci.cluster.local", 443, EPERM},
                    Case{"SearchSuffixOfOther", "evil.example.net.ci.cluster.local", 443, kLookupRefused}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_F(Names, RefusalIsAtOnceAndNamed) {
  EXPECT_EQ(WithResolver(*world_,
                         [] {
                           const auto begin = std::chrono::steady_clock::now();
                           const int result = LookupAndConnect("secret.attacker.test", 443);
                           const auto took = std::chrono::steady_clock::now() - begin;
                           return took > std::chrono::seconds(1) ? 1 : result;
                         }),
            kLookupRefused);
  EXPECT_EQ(world_->Verdicts(WEIR_HOOK_DNS, WEIR_DENY), 1u);
  for (const Record& record : world_->rings().Take()) {
    if (record.kind() != WEIR_E_DNS) continue;
    const auto event = record.As<weir_dns_event>();
    EXPECT_TRUE(record.urgent);
    EXPECT_EQ(event.why, WEIR_WHY_DNS_NAME);
    const std::string wire = WireName("secret.attacker.test");
    EXPECT_EQ(std::memcmp(event.name, wire.data(), wire.size()), 0);
    return;
  }
  FAIL() << "no event";
}

TEST_F(Names, FlowEventCarriesTheName) {
  ASSERT_EQ(WithResolver(*world_, [] { return LookupAndConnect(kName, 443); }), 0);
  const std::string wire = WireName(kName);
  bool found = false;
  for (const weir_flow_event& event : world_->FlowEvents()) {
    if (event.why != WEIR_WHY_NAME) continue;
    found = true;
    EXPECT_EQ(event.rule_id, 5u);
    EXPECT_EQ(std::memcmp(event.name, wire.data(), wire.size()), 0);
  }
  EXPECT_TRUE(found);
}

TEST_F(Names, AuditNamesWhatBlockWouldRefuse) {
  Make(WEIR_MODE_AUDIT);
  // A connect() alone, after a lookup of the address, is the question for a route: the datagram is the news.
  ASSERT_EQ(WithResolver(*world_,
                         [] {
                           const Fd fd = ConnectResolver();
                           Answer answer;
                           if (Ask(fd.get(), 7, "other.example.net", &answer) || answer.addresses.empty()) return 90;
                           const Fd out(socket(AF_INET, SOCK_DGRAM, 0));
                           const sockaddr_in to = Ipv4(answer.addresses[0], 443);
                           if (connect(out.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 91;
                           return send(out.get(), "x", 1, 0) == 1 ? 0 : 92;
                         }),
            0);
  EXPECT_EQ(world_->Verdicts(WEIR_HOOK_DNS, WEIR_WOULD_DENY), 1u);
  const std::string wire = WireName("other.example.net");
  bool found = false;
  for (const weir_flow_event& event : world_->FlowEvents()) {
    if (event.why != WEIR_WHY_NO_RULE) continue;
    found = true;
    EXPECT_EQ(event.verdict, WEIR_WOULD_DENY);
    EXPECT_EQ(std::memcmp(event.name, wire.data(), wire.size()), 0);
  }
  EXPECT_TRUE(found);
}

TEST_F(Names, UntrustedNamespaceTeachesNothing) {
  EXPECT_EQ(WithResolver(
                *world_, [] { return LookupAndConnect(kName, 443); }, /*trust=*/false),
            EPERM);
}

TEST_F(Names, TheJobsOwnResolverTeachesNothingAndIsReported) {
  // A root job put the resolver's address on an interface of its own. The packet is then judged like any other: no
  // rule.
  EXPECT_EQ(WithResolver(
                *world_, [] { return LookupAndConnect(kName, 443); }, true, /*own_resolver=*/true),
            kLookupRefused);
  bool reported = false;
  for (const Record& record : world_->rings().Take())
    reported |= record.kind() == WEIR_E_FINDING && record.As<weir_finding_event>().finding == WEIR_F_FAKE_RESOLVER;
  EXPECT_TRUE(reported);
  EXPECT_EQ(world_->Counter(WEIR_C_ANSWER_OK), 0u);
}

// A root job takes the stub's place, asks, holds the packet up in a queue (tc on lo) and steps aside: what was sent to
// its own server then arrives at the host's. So it is read as well.
TEST_F(Names, TheJobsOwnServerIsAskedForAllowedNamesOnly) {
  const auto ask_own = [&](const std::string& message) {
    return world_->InJob([&] {
      if (!OwnNetwork({})) return 99;
      const Fd server(socket(AF_INET, SOCK_DGRAM, 0)), fd(socket(AF_INET, SOCK_DGRAM, 0));
      const sockaddr_in at = Ipv4("127.0.0.53", 53);
      if (bind(server.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return 98;
      if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return 97;
      if (send(fd.get(), message.data(), message.size(), 0) < 0) return errno;
      char buffer[512];
      return recv(server.get(), buffer, sizeof(buffer), MSG_DONTWAIT) > 0 ? 0 : 96;
    });
  };
  EXPECT_EQ(ask_own(MakeQuery(1, kName, 1)), 0);
  EXPECT_EQ(ask_own(MakeQuery(1, "secret.attacker.test", 1)), EPERM);
  EXPECT_EQ(ask_own("exfiltrated data"), EPERM);
}

TEST_F(Names, ManyQueriesInFlightOnOneSocket) {
  EXPECT_EQ(WithResolver(*world_,
                         [] {
                           const Fd fd = ConnectResolver();
                           for (unsigned i = 0; i < WEIR_SOCK_PENDING; i++) {
                             const std::string query = MakeQuery(static_cast<std::uint16_t>(1000 + i),
                                                                 "n" + std::to_string(i) + ".pkg.example.org", 1);
                             if (send(fd.get(), query.data(), query.size(), 0) < 0) return 1;
                           }
                           const timeval limit{2, 0};
                           setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
                           for (unsigned i = 0; i < WEIR_SOCK_PENDING; i++) {
                             char buffer[4096];
                             Answer answer;
                             const ssize_t got = recv(fd.get(), buffer, sizeof(buffer), 0);
                             if (got < 0 || !ParseAnswer(std::string(buffer, static_cast<std::size_t>(got)), &answer))
                               return 2;
                             if (answer.addresses.empty() || TryConnect(SOCK_DGRAM, answer.addresses[0], 443)) return 3;
                           }
                           return 0;
                         }),
            0);
}

TEST_F(Names, EdnsQueriesPass) {
  EXPECT_EQ(WithResolver(*world_,
                         [] {
                           const Fd fd = ConnectResolver();
                           Answer answer;
                           if (const int error = Ask(fd.get(), 9, kName, &answer, /*edns=*/true)) return error;
                           return answer.addresses.empty() ? 90 : TryConnect(SOCK_DGRAM, answer.addresses[0], 443);
                         }),
            0);
}

// What the program read must be what leaves: a payload in pages that the job can still write is not read at all.
enum class Shared { kZeroCopy, kSpliced };
int SendShared(int fd, const std::string& query, Shared how) {
  if (how == Shared::kZeroCopy) {
    const int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on))) return 90;
    return send(fd, query.data(), query.size(), MSG_ZEROCOPY) < 0 ? errno : 0;
  }
  const Fd file(memfd_create("query", 0));
  if (write(file.get(), query.data(), query.size()) != static_cast<ssize_t>(query.size())) return 91;
  off_t at = 0;
  return sendfile(fd, file.get(), &at, query.size()) < 0 ? errno : 0;
}

// Whether this kernel sends a spliced payload from the file's own pages; some copy it. What is written to the file
// after the send then arrives, because a datagram on loopback waits in the receiver's queue.
bool SplicesPages() {
  const Fd server(socket(AF_INET, SOCK_DGRAM, 0)), client(socket(AF_INET, SOCK_DGRAM, 0));
  sockaddr_in at = Ipv4("127.0.0.1", 0);
  socklen_t length = sizeof(at);
  if (bind(server.get(), reinterpret_cast<const sockaddr*>(&at), length) ||
      getsockname(server.get(), reinterpret_cast<sockaddr*>(&at), &length) ||
      connect(client.get(), reinterpret_cast<const sockaddr*>(&at), length))
    return true;
  const Fd file(memfd_create("probe", 0));
  const std::string before(400, 'a'), after(400, 'b');
  off_t from = 0;
  if (write(file.get(), before.data(), before.size()) != 400 || sendfile(client.get(), file.get(), &from, 400) != 400 ||
      pwrite(file.get(), after.data(), after.size(), 0) != 400)
    return true;
  // Where the checksum was made before, the datagram is dropped now.
  const timeval limit{0, 300'000};
  setsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  char got[400] = {};
  return recv(server.get(), got, sizeof(got), 0) != 400 || got[399] == 'b';
}

// Long enough not to be copied beside the headers, which older kernels do with what fits there.
std::string LongQuery() {
  const std::string label(60, 'a');
  return MakeQuery(1, label + "." + label + "." + label + ".pkg.example.org", 1);
}

class SharedQuery : public Names, public testing::WithParamInterface<Shared> {};

TEST_P(SharedQuery, IsRefused) {
  const bool copied = GetParam() == Shared::kSpliced && !SplicesPages();
  EXPECT_EQ(WithResolver(*world_,
                         [&] {
                           const Fd fd = ConnectResolver();
                           const int error = SendShared(fd.get(), LongQuery(), GetParam());
                           // A resolver answers what arrives.
                           const timeval limit{0, 500'000};
                           setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
                           char byte;
                           if (recv(fd.get(), &byte, 1, 0) >= 0) return copied ? error : 88;
                           // The same name by an ordinary send is no matter.
                           Answer answer;
                           if (Ask(fd.get(), 2, kName, &answer)) return 89;
                           return error;
                         }),
            copied ? 0 : EPERM);
}

INSTANTIATE_TEST_SUITE_P(Ways, SharedQuery, testing::Values(Shared::kZeroCopy, Shared::kSpliced),
                         [](const auto& tested) {
                           return std::string(tested.param == Shared::kZeroCopy ? "ZeroCopy" : "Spliced");
                         });

// A DNS socket that is connected elsewhere by the question for a route: what it sends there is no lookup, whatever it
// looks like. Port 0 and a port where only TCP may go.
TEST_F(Names, LookupsGoToResolversOnly) {
  ASSERT_TRUE(world_->Rule(WEIR_TABLE_ALLOW, "10.64.9.10", 443, 6));
  const auto ask_elsewhere = [&](const char* address, std::uint16_t port) {
    return WithResolver(*world_, [=] {
      const Fd fd = ConnectResolver();
      const sockaddr_in to = Ipv4(address, port);
      if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 90;
      const std::string query = MakeQuery(1, "data.pkg.example.org", 1);
      return send(fd.get(), query.data(), query.size(), 0) < 0 ? errno : 0;
    });
  };
  EXPECT_EQ(ask_elsewhere("10.64.9.9", 0), EPERM);
  EXPECT_EQ(ask_elsewhere("10.64.9.10", 443), EPERM);
}

TEST_F(Names, NothingIsAskedAfterTheEnd) {
  EXPECT_EQ(WithResolver(*world_,
                         [&] {
                           const Fd fd = ConnectResolver();
                           Answer answer;
                           if (Ask(fd.get(), 1, kName, &answer)) return 90;
                           weir_scope scope{};
                           scope.generation = 1;
                           scope.mode = WEIR_MODE_BLOCK;
                           scope.flags = WEIR_S_ENDED;
                           if (!world_->PutScope(World::kScope, scope)) return 91;
                           return Ask(fd.get(), 2, kName, &answer);
                         }),
            EPERM);
}

struct Bad {
  const char* name;
  std::string message;
  unsigned why;
};

class BadQuery : public Names, public testing::WithParamInterface<Bad> {};

TEST_P(BadQuery, IsRefused) {
  const Bad& bad = GetParam();
  EXPECT_EQ(WithResolver(*world_,
                         [&] {
                           const Fd fd = ConnectResolver();
                           return send(fd.get(), bad.message.data(), bad.message.size(), 0) < 0 ? errno : 0;
                         }),
            EPERM);
  unsigned why = 0;
  for (const Record& record : world_->rings().Take())
    if (record.kind() == WEIR_E_DNS) why = record.As<weir_dns_event>().why;
  EXPECT_EQ(why, bad.why);
}

std::string With(std::string message, std::size_t at, char value) {
  message[at] = value;
  return message;
}

INSTANTIATE_TEST_SUITE_P(Table, BadQuery,
                         testing::Values(Bad{"NotDns", "exfiltrated data", WEIR_WHY_DNS_FORM},
                                         Bad{"Empty", "", WEIR_WHY_DNS_FORM},
                                         Bad{"Trailing", MakeQuery(1, kName, 1) + "data", WEIR_WHY_DNS_FORM},
                                         Bad{"ResponseBit", With(MakeQuery(1, kName, 1), 2, '\x81'), WEIR_WHY_DNS_FORM},
                                         Bad{"TwoQuestions", With(MakeQuery(1, kName, 1), 5, 2), WEIR_WHY_DNS_FORM},
                                         Bad{"NoQuestion", With(MakeQuery(1, kName, 1), 5, 0), WEIR_WHY_DNS_FORM},
                                         Bad{"Opcode", With(MakeQuery(1, kName, 1), 2, '\x29'), WEIR_WHY_DNS_FORM},
                                         Bad{"TypeTxt", MakeQuery(1, kName, 16), WEIR_WHY_DNS_TYPE}),
                         [](const auto& tested) { return std::string(tested.param.name); });

// Fresh addresses from 8 processes, each connected to at once: the answer was learned before it was delivered.
TEST_F(Names, TenThousandFreshAddressesNoneDenied) {
  constexpr int kProcesses = 8, kLookups = 1250;
  EXPECT_EQ(WithResolver(*world_,
                         [&] {
                           std::vector<Child> children;
                           for (int i = 0; i < kProcesses; i++) {
                             auto child = Child::Fork([i] {
                               const Fd fd = ConnectResolver();
                               int denied = 0;
                               for (int k = 0; k < kLookups; k++) {
                                 Answer answer;
                                 const std::string name =
                                     "p" + std::to_string(i) + "-" + std::to_string(k) + ".pkg.example.org";
                                 int error = ETIMEDOUT;
                                 // UDP may lose a datagram under load; a lookup is tried again like any resolver does.
                                 for (int attempt = 0; attempt < 3 && error == ETIMEDOUT; attempt++)
                                   error = Ask(fd.get(), static_cast<std::uint16_t>(k), name, &answer);
                                 denied += error || answer.addresses.empty() ||
                                           TryConnect(SOCK_DGRAM, answer.addresses[0], 443);
                               }
                               return denied > 100 ? 100 : denied;
                             });
                             if (!child) return 80;
                             child->Go();
                             children.push_back(std::move(*child));
                           }
                           int denied = 0;
                           for (Child& child : children) denied += WEXITSTATUS(child.Wait());
                           return denied > 79 ? 79 : denied;
                         }),
            0);
  EXPECT_EQ(world_->Verdicts(WEIR_HOOK_CONNECT, WEIR_DENY), 0u);
  EXPECT_GE(world_->Verdicts(WEIR_HOOK_CONNECT, WEIR_ALLOW), 10000u);
}

}  // namespace
}  // namespace weir::lab
