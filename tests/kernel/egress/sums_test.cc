// SPDX-License-Identifier: Apache-2.0
// The sums of flows: nothing that a socket sent or got may be missing from them once it has gone.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/kernel/egress/world.h"

namespace weir::lab {
namespace {

constexpr const char* kServer = "192.0.2.10";
constexpr std::size_t kBytes = 300'000;

sockaddr_in At(std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  std::memcpy(&to.sin_addr, ParseAddress(kServer).data() + 12, 4);
  return to;
}

// A server that takes little until the client has gone: all else lies in the client's buffer when it closes.
int SendAndLeave(World& world) {
  if (!OwnNetwork({"192.0.2.10/32"})) return 99;
  const Fd server(socket(AF_INET, SOCK_STREAM, 0));
  const int small = 8192;
  setsockopt(server.get(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  const sockaddr_in at = At(443);
  if (bind(server.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) || listen(server.get(), 1)) return 98;
  auto client = Child::RunIn(world.job(), [] {
    const Fd fd(socket(AF_INET, SOCK_STREAM, 0));
    const int large = 2 * static_cast<int>(kBytes);
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUFFORCE, &large, sizeof(large));
    const sockaddr_in to = At(443);
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return errno;
    const std::string data(kBytes, 'x');
    return send(fd.get(), data.data(), data.size(), MSG_DONTWAIT) == static_cast<ssize_t>(kBytes) ? 0 : 97;
  });
  if (!client) return 96;
  const int status = client->Wait();
  if (!WIFEXITED(status) || WEXITSTATUS(status)) return 95;
  const Fd peer(accept(server.get(), nullptr, nullptr));
  std::size_t got = 0;
  char buffer[65536];
  for (ssize_t n; (n = recv(peer.get(), buffer, sizeof(buffer), 0)) > 0;) got += static_cast<std::size_t>(n);
  return got == kBytes ? 0 : 94;
}

TEST(Sums, HoldWhatAStreamSendsAfterItsProcessHasClosedIt) {
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kServer, 443, 6));
  auto outside = world->root().CreateChild("outside");
  ASSERT_TRUE(outside);
  ASSERT_EQ(world->InCgroup(*outside, [&] { return SendAndLeave(*world); }), 0);
  std::uint64_t bytes_out = 0;
  for (const auto& [key, flow] : world->Flows())
    if (key.hook == WEIR_HOOK_CONNECT) bytes_out += flow.bytes_out;
  EXPECT_GE(bytes_out, kBytes);
}

// Two CPUs may move the same counts into the flow at once; both take them off the socket, which then owes some.
TEST(Sums, HoldWhatManyThreadsSendOnOneSocket) {
  constexpr std::uint64_t kThreads = 4, kSends = 100'000;
  auto made = World::Create(WEIR_MODE_BLOCK);
  ASSERT_TRUE(made) << made.error().what;
  auto world = std::move(*made);
  ASSERT_TRUE(world->Rule(WEIR_TABLE_ALLOW, kServer, 443, 17));
  ASSERT_EQ(world->InJob([] {
    if (!OwnNetwork({"192.0.2.10/32"})) return 99;
    const Fd sink(socket(AF_INET, SOCK_DGRAM, 0)), fd(socket(AF_INET, SOCK_DGRAM, 0));
    const sockaddr_in to = At(443);
    if (bind(sink.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 98;
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to))) return 97;
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&] {
        for (std::uint64_t k = 0; k < kSends; ++k) failed += send(fd.get(), "x", 1, 0) != 1;
      });
    }
    for (std::thread& thread : threads) thread.join();
    return failed ? 96 : 0;
  }),
            0);
  std::uint64_t packets = 0, bytes = 0;
  for (const auto& [key, flow] : world->Flows()) {
    packets += flow.packets_out;
    bytes += flow.bytes_out;
  }
  EXPECT_EQ(packets, kThreads * kSends);
  EXPECT_EQ(bytes, kThreads * kSends * 29);
}

}  // namespace
}  // namespace weir::lab
