// SPDX-License-Identifier: Apache-2.0
// Streams that hold refused bytes end with their job: nothing that was refused is sent when nobody judges any more.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <string>

#include <gtest/gtest.h>

#include "sensor/base/fd.h"
#include "tests/kernel/lab/network.h"
#include "tests/kernel/lab/stream.h"
#include "tests/kernel/sensor/sensor_world.h"

namespace weir {
namespace {

using nlohmann::json;

constexpr const char* kServer = "192.0.2.11";

/// Reads one byte within `milliseconds`. 0: none came.
char Take(int fd, int milliseconds) {
  pollfd wait{fd, POLLIN, 0};
  char byte = 0;
  return ::poll(&wait, 1, milliseconds) == 1 && ::read(fd, &byte, 1) == 1 ? byte : '\0';
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
  /// `orphan`: nobody has it open any more when the job ends, and only the kernel still wants to send what it holds.
  int Outsider(bool orphan) {
    if (!lab::OwnNetwork({std::string(kServer) + "/32"})) return 99;
    lab::Stream stream = lab::ConnectToSelf(kServer);
    if (!stream.peer) return 98;
    auto job = lab::Child::Fork([&] { return ::send(stream.client.get(), "x", 1, MSG_NOSIGNAL) == 1 ? 0 : 1; });
    const pid_t pid = job ? job->pid() : -1;
    char byte = 0;
    if (::write(to_test_[1], &pid, sizeof(pid)) != sizeof(pid) || ::read(to_outsider_[0], &byte, 1) != 1) return 97;
    if (job->Wait()) return 96;
    if (orphan) stream.client.Reset();
    if (::write(to_test_[1], &byte, 1) != 1 || ::read(to_outsider_[0], &byte, 1) != 1) return 95;
    // The programs are gone. The first retransmissions are due within a second.
    if (Take(stream.peer.get(), 1500)) return 1;
    if (orphan) return 0;
    return ::send(stream.client.get(), "y", 1, MSG_NOSIGNAL) < 0 && errno == ECONNABORTED ? 0 : 2;
  }

  std::array<int, 2> to_test_{}, to_outsider_{};
};

class Ending : public Streams, public testing::WithParamInterface<bool> {};

TEST_P(Ending, AbortsThemBeforeTheProgramsGo) {
  auto outsider = lab::Child::Fork([&] { return Outsider(GetParam()); });
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

INSTANTIATE_TEST_SUITE_P(Streams, Ending, testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "OfNobody" : "OfAnOutsider"; });

// Nobody is left who could show the namespace: the record says so.
TEST_F(Streams, ThatCannotBeReachedAreSaid) {
  auto outsider = lab::Child::Fork([&] {
    Outsider(/*orphan=*/false);
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
