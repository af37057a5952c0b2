// SPDX-License-Identifier: Apache-2.0
// Answers that nobody should believe, from servers outside, over a real wire: whether they have opened an address says
// the packet socket outside.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attacks/attack.h"
#include "tests/kernel/egress/resolver.h"

namespace weir::lab {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t kPort = 5000;  // of the job's socket: the server need not be asked to know it

struct Reply {
  const char* name;
  bool opens;
  const char* from = kTrustedResolver;
  std::uint16_t from_port = 53;
  std::uint16_t id = 7;
  const char* answered = kAllowedName;  ///< the question that the answer repeats
  const char* asked = kAllowedName;     ///< null: nothing was asked
  bool closed = false;                  ///< the socket that asked is closed, and another has its port
  std::uint32_t asker = Range::kBlocked;
};

void PrintTo(const Reply& reply, std::ostream* out) { *out << reply.name; }

std::string AnswerWith(const Reply& reply) {
  std::string out = MakeQuery(reply.id, reply.answered, 1);
  out[2] = '\x81';
  out[3] = '\x80';
  out[7] = 1;
  out += std::string("\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04", 12);
  return out.append(reinterpret_cast<const char*>(ParseAddress(kEvil).data()) + 12, 4);
}

// Sends the answer again and again for half a second.
int Serve(const Reply& reply) {
  const SocketName from = Name(reply.from, reply.from_port), to = Name(kRunner, kPort);
  if (!range->EnterOutside()) return kBroken;
  const Fd there(socket(AF_INET, SOCK_DGRAM, 0));
  if (bind(there.get(), from.get(), from.length)) return kBroken;
  const std::string answer = AnswerWith(reply);
  for (int i = 0; i < 5; i++) {
    usleep(100'000);
    sendto(there.get(), answer.data(), answer.size(), 0, to.get(), to.length);
  }
  return 0;
}

Fd Port() {
  const SocketName at = Name(kRunner, kPort);
  Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
  if (bind(fd.get(), at.get(), at.length)) fd.Reset();
  return fd;
}

// In the job: asks, and takes what comes.
int Listen(const Reply& reply) {
  const SocketName resolver = Name(kTrustedResolver, 53);
  Fd fd = Port();
  if (!fd) return kBroken;
  if (reply.asked) {
    const std::string query = MakeQuery(7, reply.asked, 1);
    if (sendto(fd.get(), query.data(), query.size(), 0, resolver.get(), resolver.length) < 0) return kBroken;
  }
  if (reply.closed) {
    fd.Reset();
    fd = Port();
  }
  // So that it is known as one on which answers are read.
  if (!reply.asked || reply.closed) {
    if (connect(fd.get(), resolver.get(), resolver.length)) return kBroken;
  }
  pollfd waiting{fd.get(), POLLIN, 0};
  return poll(&waiting, 1, 1000) == 1 ? 0 : kMissing;
}

// The programs believe answers only in namespaces that the job did not make.
bool TrustRunner(std::uint32_t scope_id) {
  bpf_map* tasks = range->world().egress().maps.weir_tasks;
  auto canary = Child::Fork([] { return range->EnterRunner() ? TryConnect(SOCK_DGRAM, "192.0.2.1", 9) : 1; });
  if (!canary || !range->Job(scope_id).Enter(canary->pid())) return false;
  const auto tgid = static_cast<std::uint32_t>(canary->pid());
  auto task = MapGet<weir_task>(tasks, tgid);
  if (!task) return false;
  task->flags |= WEIR_T_CANARY;
  if (!MapPut(tasks, tgid, *task)) return false;
  canary->Wait();
  const auto note = MapGet<weir_canary>(range->world().egress().maps.weir_canary, scope_id);
  weir_netns_key key{};
  key.cookie = note ? note->netns_cookie : 0;
  key.scope_id = scope_id;
  return note && MapPut(range->world().egress().maps.weir_netns, key, std::uint32_t{1});
}

class Answered : public testing::TestWithParam<Reply> {};

TEST_P(Answered, OpensOnlyWhatWasAsked) {
  const Reply& reply = GetParam();
  ASSERT_NE(range, nullptr);
  ASSERT_TRUE(TrustRunner(reply.asker));
  range->Take();
  auto server = Child::Fork([&] { return Serve(reply); });
  ASSERT_TRUE(server);
  server->Go();
  const auto in_runner = [&](std::uint32_t scope_id, const std::function<int()>& body) {
    return range->world().InCgroup(range->Job(scope_id), [&] { return range->EnterRunner() ? body() : kBroken; });
  };
  EXPECT_EQ(in_runner(reply.asker, [&] { return Listen(reply); }), 0) << "the answer was to come";
  EXPECT_EQ(in_runner(Range::kBlocked, [] { return TcpConnect({kEvil, 443, ""}); }), reply.opens ? 0 : EPERM);
  const auto is_syn = [](const Frame& frame) { return frame.dest == ParseAddress(kEvil) && frame.port == 443; };
  EXPECT_EQ(range->Sees(is_syn, reply.opens ? 2000ms : 60ms), reply.opens);
  EXPECT_EQ(server->Wait(), 0);
  // What the fair one taught must not help the next one.
  weir_learned_key key{};
  key.scope_id = reply.asker;
  key.port = htons(443);
  key.proto = IPPROTO_TCP;
  std::memcpy(key.addr, ParseAddress(kEvil).data(), 16);
  EXPECT_EQ(static_cast<bool>(MapDelete(range->world().egress().maps.weir_learned, key)),
            reply.opens || reply.asker != Range::kBlocked)
      << "learned by the one who asked";
}

Reply To(const char* name, const std::function<void(Reply&)>& change) {
  Reply reply{name, false};
  change(reply);
  return reply;
}

INSTANTIATE_TEST_SUITE_P(Answer, Answered,
                         testing::Values(Reply{"ToTheQuestion",
                                               true},  // the tables' witness: a proper answer does open
                                         To("WithoutAQuestion", [](Reply& r) { r.asked = nullptr; }),
                                         To("AfterTheSocketClosed", [](Reply& r) { r.closed = true; }),
                                         To("FromAnotherServer", [](Reply& r) { r.from = kTcpOnlyHost; }),
                                         To("FromAnotherPort", [](Reply& r) { r.from_port = 5353; }),
                                         To("WithAnotherId", [](Reply& r) { r.id = 8; }),
                                         To("ToAnotherQuestion", [](Reply& r) { r.answered = "other.example.org"; }),
                                         To("ToAnotherJob", [](Reply& r) { r.asker = Range::kAdmitted; })),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace weir::lab
