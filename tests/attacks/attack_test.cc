// SPDX-License-Identifier: Apache-2.0
// Each attack twice: in block mode nothing of it arrives outside, in audit mode it does; both are recorded with the
// process that did it. Whether something arrived says a packet socket outside, not Weir.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attacks/attack.h"
#include "tests/kernel/lab/says.h"

namespace weir::lab {

void PrintTo(const Attack& attack, std::ostream* out) { *out << attack.name; }

Range* range = nullptr;

namespace {

using namespace std::chrono_literals;

class OneRange : public testing::Environment {
 public:
  void SetUp() override {
    auto made = Range::Open();
    ASSERT_TRUE(made) << made.error().what;
    range = made->release();
  }
  void TearDown() override { delete range; }
};
testing::Environment* const kOneRange = testing::AddGlobalTestEnvironment(new OneRange);

class Attacked : public testing::TestWithParam<Attack> {
 protected:
  void SetUp() override { ASSERT_NE(range, nullptr); }

  static constexpr std::uint32_t kNoJob = 0;
  // Tries it as a process of the job; what it was told.
  static int Try(const Attack& attack, std::uint32_t scope_id);
  static bool LacksIt(const Attack& attack, int told);
  // Whether the attempt stands in the record, by the process image of the job.
  static void ExpectRecorded(const Attack& attack, std::uint32_t scope_id, unsigned verdict);
};

int OldSocket(const Attack& attack) {
  const SocketName to = Name(attack.address, attack.port);
  const int fd = socket(to.family(), attack.flags & kOldStream ? SOCK_STREAM : SOCK_DGRAM, 0);
  return connect(fd, to.get(), to.length) ? -1 : fd;
}

// Comes from the attacker's address to a port of the runner, by both protocols, until somebody answers.
int Visit(bool v6, std::uint16_t port) {
  const SocketName from = Name(v6 ? kEvil6 : kEvil, 0), to = Name(v6 ? kRunner6 : kRunner, port);
  const int on = 1;
  const timeval limit{0, 100'000};
  for (int i = 0; i < 20; i++) {
    for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
      const Fd fd(socket(to.family(), type, 0));
      setsockopt(fd.get(), SOL_IP, 15 /* IP_FREEBIND */, &on, sizeof(on));
      setsockopt(fd.get(), SOL_IPV6, 78 /* IPV6_FREEBIND */, &on, sizeof(on));
      setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
      setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
      char buffer[64];
      if (bind(fd.get(), from.get(), from.length) || connect(fd.get(), to.get(), to.length)) continue;
      if (send(fd.get(), "hello", 5, MSG_NOSIGNAL) == 5 && recv(fd.get(), buffer, sizeof(buffer), 0) > 0) return 0;
    }
  }
  return 1;
}

int Attacked::Try(const Attack& attack, std::uint32_t scope_id) {
  std::optional<Child> peer;
  if (attack.flags & kPeer) {
    auto visitor = Child::Fork(
        [&] { return range->EnterOutside() ? Visit(Name(attack.address, 1).family() == AF_INET6, attack.port) : 1; });
    if (!visitor) return kBroken;
    visitor->Go();
    peer.emplace(std::move(*visitor));
  }
  auto child = Child::RunIn(range->stranger(), [&] {
    if (!range->EnterRunner()) return kBroken;
    Aim aim{attack.address, attack.port, attack.data};
    if (attack.flags & (kOldDatagram | kOldStream) && (aim.old_fd = OldSocket(attack)) < 0) return kBroken;
    if (scope_id != kNoJob && !range->Job(scope_id).Enter()) return kBroken;
    if (attack.flags & kUnprivileged && (setgroups(0, nullptr) || setgid(65534) || setuid(65534))) return kBroken;
    return attack.run(aim);
  });
  if (!child) return kBroken;
  const int status = child->Wait();
  return WIFEXITED(status) ? WEXITSTATUS(status) : kBroken;
}

void Attacked::ExpectRecorded(const Attack& attack, std::uint32_t scope_id, unsigned verdict) {
  const std::string wanted = attack.recorded ? attack.recorded : std::string(attack.address);
  const Address address = wanted.empty() ? Address{} : ParseAddress(wanted.substr(0, wanted.find('%')));
  bool found = false;
  std::string others;
  for (const Record& record : range->world().rings().Take()) {
    if (record.event().scope_id != scope_id) continue;
    if (record.kind() == WEIR_E_DNS) found |= record.event().exec_id && record.As<weir_dns_event>().verdict == verdict;
    if (record.kind() != WEIR_E_FLOW) continue;
    const auto flow = record.As<weir_flow_event>();
    const bool there = wanted.empty() || flow.hook == WEIR_HOOK_SOCKET || !std::memcmp(flow.addr, address.data(), 16);
    const bool named = record.event().exec_id || attack.flags & kNoProcess;
    found |= there && named && flow.verdict == verdict;
    others += " exec " + std::to_string(record.event().exec_id) + " verdict " + std::to_string(flow.verdict) + " why " +
              std::to_string(flow.why) + " hook " + std::to_string(flow.hook);
  }
  EXPECT_TRUE(found) << "no record of it with the process that did it; recorded:" << others;
}

// Whether this kernel does not have it: then nobody can do it, in no job either.
bool Attacked::LacksIt(const Attack& attack, int told) {
  if (told != kMissing || !(attack.flags & kMayBeMissing)) return false;
  EXPECT_EQ(Try(attack, kNoJob), kMissing) << "only a job cannot do it";
  SayAbsent(attack.name);
  return true;
}

TEST_P(Attacked, IsHeldAndSeen) {
  const Attack& attack = GetParam();
  const auto leaks = attack.flags & kSecretOnly ? HoldsSecret : IsLeak;
  const std::uint32_t blocked = attack.flags & kAdmittedKind ? Range::kAdmitted : Range::kBlocked;
  const bool stream = attack.flags & (kOldStream | kPeer);
  range->BeginRow();
  range->world().rings().Take();

  const int refused = Try(attack, blocked);
  ASSERT_NE(refused, kBroken) << "block mode";
  if (LacksIt(attack, refused)) return;
  EXPECT_EQ(refused, attack.flags & kUntold ? refused : EPERM) << "block mode: what the sender was told";
  // A lost segment is sent again after 200 ms and more.
  EXPECT_FALSE(range->Sees(leaks, stream ? 700ms : 60ms)) << "block mode: it arrived";
  ExpectRecorded(attack, blocked, WEIR_DENY);

  ASSERT_NE(Try(attack, Range::kAudited), kBroken) << "audit mode";
  EXPECT_TRUE(range->Sees(leaks, 2000ms)) << "audit mode: it did not arrive";
  ExpectRecorded(attack, Range::kAudited, WEIR_WOULD_DENY);
}

const auto kName = [](const auto& row) { return std::string(row.param.name); };
INSTANTIATE_TEST_SUITE_P(Plain, Attacked, testing::ValuesIn(PlainAttacks()), kName);
INSTANTIATE_TEST_SUITE_P(Datagram, Attacked, testing::ValuesIn(DatagramAttacks()), kName);
INSTANTIATE_TEST_SUITE_P(Host, Attacked, testing::ValuesIn(HostAttacks()), kName);
INSTANTIATE_TEST_SUITE_P(OtherIp, Attacked, testing::ValuesIn(OtherIpAttacks()), kName);
INSTANTIATE_TEST_SUITE_P(Syscall, Attacked, testing::ValuesIn(SyscallAttacks()), kName);
INSTANTIATE_TEST_SUITE_P(Leave, Attacked, testing::ValuesIn(LeaveAttacks()), kName);
INSTANTIATE_TEST_SUITE_P(Dns, Attacked, testing::ValuesIn(DnsAttacks()), kName);

}  // namespace
}  // namespace weir::lab
