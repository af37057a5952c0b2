// SPDX-License-Identifier: Apache-2.0
// What a job's Runner.Worker starts is told apart step by step: refused connects, lookups and sockets, and findings.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>

#include "sensor/base/process_stat.h"
#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

/// Runs `body` in three processes that the Worker forks, one after the other: images of their own they have none, so
/// that nothing but the step tells them apart. The last of them forks once more.
void RunSteps(World& world, const std::function<void()>& body) {
  auto worker = Child::Fork([&] {
    for (int step = 1; step <= 3; ++step) {
      const pid_t first = ::fork();
      if (first == 0) {
        if (step == 3 && ::fork() > 0) ::_exit(::wait(nullptr) > 0 ? 0 : 1);
        body();
        ::_exit(0);
      }
      ::waitpid(first, nullptr, 0);
    }
    body();
    return 0;
  });
  ASSERT_TRUE(worker);
  const auto stat = ReadProcessStat(worker->pid());
  ASSERT_TRUE(stat);
  const weir_step row{stat->start_ticks * WEIR_TICK_NS, static_cast<std::uint32_t>(worker->pid()), 0, 0, 0};
  ASSERT_TRUE(MapPut(world.egress().maps.weir_steps, weir_step_key{World::kScope, 0}, row));
  ASSERT_TRUE(world.job().Enter(worker->pid()));
  EXPECT_EQ(worker->Wait(), 0);
}

struct Case {
  const char* name;
  std::uint32_t kind;
  void (*act)();
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

const Case kCases[] = {
    {"Connect", WEIR_E_FLOW, [] { TryConnect(SOCK_STREAM, "192.0.2.1", 443); }},
    {"Send", WEIR_E_FLOW, [] { TrySendTo("192.0.2.1", 9); }},
    {"Socket", WEIR_E_FLOW, [] { const Fd fd(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }},
    // To a resolver, and no question.
    {"Query", WEIR_E_DNS, [] { TrySendTo("127.0.0.53", 53); }},
    {"Listener", WEIR_E_FINDING,
     [] {
       const Fd fd(socket(AF_INET, SOCK_STREAM, 0));
       listen(fd.get(), 1);
     }},
};

class OfItsStep : public testing::TestWithParam<Case> {};

TEST_P(OfItsStep, OnceForEach) {
  auto world = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(world) << world.error().what;
  ASSERT_TRUE((*world)->Resolver("127.0.0.53"));
  RunSteps(**world, [] {
    GetParam().act();
    GetParam().act();
  });
  std::map<std::uint32_t, int> events;
  std::set<std::uint64_t> images;
  for (const Record& record : (*world)->rings().Take()) {
    if (record.kind() != GetParam().kind) continue;
    ++events[record.event().step];
    images.insert(record.event().exec_id);
  }
  EXPECT_EQ(events, (std::map<std::uint32_t, int>{{0, 1}, {1, 1}, {2, 1}, {3, 1}}));
  EXPECT_EQ(images.size(), 1u) << "not what this is about";
  std::map<std::uint32_t, std::uint64_t> counts;
  for (const auto& [key, flow] : (*world)->Flows())
    counts[key.step] = std::max<std::uint64_t>(counts[key.step], flow.count);
  EXPECT_EQ(counts, (std::map<std::uint32_t, std::uint64_t>{{0, 2}, {1, 2}, {2, 2}, {3, 2}}));
}

INSTANTIATE_TEST_SUITE_P(Table, OfItsStep, testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace weir::lab
