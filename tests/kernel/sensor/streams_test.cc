// SPDX-License-Identifier: Apache-2.0
// Streams that hold refused bytes end with their job: nothing that was refused is sent when nobody judges any more.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sensor/base/fd.h"
#include "sensor/base/sock_diag.h"
#include "tests/kernel/lab/network.h"
#include "tests/kernel/sensor/sensor_world.h"

namespace weir {
namespace {

using nlohmann::json;

constexpr const char* kServer = "192.0.2.11";

struct Stream {
  Fd client, peer;
};

/// A connection of this process to itself, at `address`.
Stream Connect(const char* address) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &at.sin_addr);
  socklen_t length = sizeof(at);
  const Fd server(::socket(AF_INET, SOCK_STREAM, 0));
  if (::bind(server.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) || ::listen(server.get(), 1) ||
      ::getsockname(server.get(), reinterpret_cast<sockaddr*>(&at), &length))
    return {};
  Stream stream;
  stream.client.Reset(::socket(AF_INET, SOCK_STREAM, 0));
  if (::connect(stream.client.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return {};
  stream.peer.Reset(::accept(server.get(), nullptr, nullptr));
  return stream;
}

/// Reads one byte within `milliseconds`. 0: none came.
char Take(int fd, int milliseconds) {
  pollfd wait{fd, POLLIN, 0};
  char byte = 0;
  return ::poll(&wait, 1, milliseconds) == 1 && ::read(fd, &byte, 1) == 1 ? byte : '\0';
}

TEST(SockDiag, TellsOfASocketByItsCookieAndAbortsIt) {
  const Stream stream = Connect("127.0.0.1");
  ASSERT_TRUE(stream.peer);
  std::uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  ASSERT_EQ(::getsockopt(stream.client.get(), SOL_SOCKET, SO_COOKIE, &cookie, &length), 0);
  const auto diag = OpenSockDiag(-1);
  ASSERT_TRUE(diag);
  std::vector<inet_diag_msg> found;
  ASSERT_TRUE(DumpSockets(diag->get(), {AF_INET, IPPROTO_TCP}, [&](const inet_diag_msg& socket, std::string_view) {
    if (CookieOf(socket) == cookie) found.push_back(socket);
  }));
  ASSERT_EQ(found.size(), 1u);
  const auto aborted = AbortSocket(diag->get(), IPPROTO_TCP, found[0]);
  ASSERT_TRUE(aborted) << aborted.error().what;
  EXPECT_TRUE(*aborted);
  EXPECT_EQ(::send(stream.client.get(), "x", 1, MSG_NOSIGNAL), -1);
  EXPECT_EQ(errno, ECONNABORTED);
  const auto again = AbortSocket(diag->get(), IPPROTO_TCP, found[0]);
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_FALSE(*again);
}

TEST(SockDiag, SaysWhenTheKernelRefusesTheQuestion) {
  const auto diag = OpenSockDiag(-1);
  ASSERT_TRUE(diag);
  EXPECT_FALSE(DumpSockets(diag->get(), {AF_INET, IPPROTO_ESP}, [](const inet_diag_msg&, std::string_view) {}));
}

/// In a network of its own: an outsider who connects, and his child, who gets the stream and becomes the job.
class Streams : public SensorWorld {
 protected:
  void SetUp() override {
    SensorWorld::SetUp();
    if (HasFatalFailure()) return;
    StartSensor();
    ASSERT_EQ(::pipe(to_test_.data()), 0);
    ASSERT_EQ(::pipe(to_outsider_.data()), 0);
  }
  void TearDown() override {
    for (const int fd : {to_test_[0], to_test_[1], to_outsider_[0], to_outsider_[1]}) ::close(fd);
    SensorWorld::TearDown();
  }

  /// Exit status of the outsider: 0, nothing arrived and the stream is aborted; 1, a byte arrived; 2, it still stands.
  int Outsider() {
    if (!lab::OwnNetwork({std::string(kServer) + "/32"})) return 99;
    const Stream stream = Connect(kServer);
    if (!stream.peer) return 98;
    auto job = lab::Child::Fork([&] { return ::send(stream.client.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : 1; });
    const pid_t pid = job ? job->pid() : -1;
    char byte = 0;
    if (::write(to_test_[1], &pid, sizeof(pid)) != sizeof(pid) || ::read(to_outsider_[0], &byte, 1) != 1) return 97;
    if (job->Wait()) return 96;
    if (::write(to_test_[1], &byte, 1) != 1 || ::read(to_outsider_[0], &byte, 1) != 1) return 95;
    // The programs are gone. The first retransmissions are due within a second.
    if (Take(stream.peer.get(), 1500)) return 1;
    return ::send(stream.client.get(), "y", 1, MSG_NOSIGNAL) < 0 && errno == ECONNABORTED ? 0 : 2;
  }

  std::array<int, 2> to_test_{}, to_outsider_{};
};

TEST_F(Streams, AreAbortedBeforeTheProgramsGo) {
  auto outsider = lab::Child::Fork([&] { return Outsider(); });
  ASSERT_TRUE(outsider);
  ASSERT_TRUE(cgroup_->Enter(outsider->pid()));
  outsider->Go();
  pid_t pid = -1;
  ASSERT_EQ(::read(to_test_[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
  const JobBegun job = Begin("version: 1\nmode: block\nallow: none\n");
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, pid));
  char byte = 'g';
  ASSERT_EQ(::write(to_outsider_[1], &byte, 1), 1);
  ASSERT_EQ(::read(to_test_[0], &byte, 1), 1);

  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  const json record = json::parse(ended->record_json).at("predicate");
  EXPECT_EQ(record.at("counts").at("streams_aborted"), 1);
  EXPECT_TRUE(ended->complete) << record.at("reasons");
  sensor_.reset();
  ASSERT_EQ(::write(to_outsider_[1], &byte, 1), 1);
  EXPECT_EQ(outsider->Wait(), 0);
}

// Nobody is left who could show the namespace: the record says so.
TEST_F(Streams, ThatCannotBeReachedAreSaid) {
  auto outsider = lab::Child::Fork([&] {
    Outsider();
    return 0;
  });
  ASSERT_TRUE(outsider);
  ASSERT_TRUE(cgroup_->Enter(outsider->pid()));
  outsider->Go();
  pid_t pid = -1;
  ASSERT_EQ(::read(to_test_[0], &pid, sizeof(pid)), static_cast<ssize_t>(sizeof(pid)));
  const JobBegun job = Begin("version: 1\nmode: block\nallow: none\n");
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, pid));
  ASSERT_EQ(::write(to_outsider_[1], "gg", 2), 2);
  outsider->Wait();
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  const json record = json::parse(ended->record_json).at("predicate");
  EXPECT_FALSE(ended->complete);
  EXPECT_NE(record.at("reasons").dump().find("refused bytes of 1 streams may leave"), std::string::npos)
      << record.at("reasons");
}

}  // namespace
}  // namespace weir
