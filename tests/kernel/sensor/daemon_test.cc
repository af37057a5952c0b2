// SPDX-License-Identifier: Apache-2.0
// weir-sensor as a process: killed in the middle of a job, taken over, and asked from inside a job.
#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernel/sensor/daemon_world.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kAllowed = "198.51.100.7";
constexpr const char* kOther = "198.51.100.8";
constexpr int kPermissionDenied = 7;  // grpc::StatusCode

TEST_F(DaemonTest, HoldsWhileItIsDeadAndGoesOnAfterwards) {
  const std::string job_id = BeginBlock();
  int gate[2], answers[2];
  ASSERT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(answers, O_CLOEXEC), 0);
  auto child = lab::Child::Fork([&] {
    ::close(gate[1]);
    char byte = 0;
    while (::read(gate[0], &byte, 1) == 1) {
      const int result[2] = {ConnectUdp(kOther, 9), ConnectUdp(kAllowed, 9)};
      (void)!::write(answers[1], result, sizeof(result));
    }
    return 0;
  });
  ASSERT_TRUE(child);
  Join(job_id, child->pid());
  child->Go();
  const auto ask = [&] {
    int result[2] = {-1, -1};
    EXPECT_EQ(::write(gate[1], "g", 1), 1);
    EXPECT_EQ(::read(answers[0], result, sizeof(result)), static_cast<ssize_t>(sizeof(result)));
    EXPECT_TRUE(Refused(result[0])) << "denied stays denied";
    EXPECT_FALSE(Refused(result[1])) << "allowed stays allowed";
  };
  ask();
  EXPECT_EQ(StopDaemon(SIGKILL), 128 + SIGKILL);
  for (int i = 0; i < 50; ++i) ask();
  StartDaemon();
  ASSERT_FALSE(HasFatalFailure());
  ask();

  v1::ListJobsResponse jobs;
  grpc::ClientContext context;
  ASSERT_TRUE(stub_->ListJobs(&context, {}, &jobs).ok());
  ASSERT_EQ(jobs.jobs_size(), 1);
  EXPECT_EQ(jobs.jobs(0).job_id(), job_id);
  EXPECT_TRUE(jobs.jobs(0).adopted());
  ::close(gate[1]);
  EXPECT_EQ(child->Wait(), 0);
  const v1::EndJobResponse ended = End(job_id);
  EXPECT_EQ(ended.denied(), 52u);
  const json record = json::parse(ended.record_json()).at("predicate");
  ASSERT_EQ(record.at("lost").at("gaps").size(), 1u);
  EXPECT_EQ(record.at("lost").at("gaps").at(0).at("reason"), "sensor-down");
  EXPECT_EQ(record.at("sensor").at("restarts"), 1);
}

TEST_F(DaemonTest, RefusesAPeerInsideAJob) {
  const std::string job_id = BeginBlock(), other = BeginBlock();
  std::string output;
  EXPECT_EQ(Probe(job_id, "end", job_id, &output), kPermissionDenied) << output;
  EXPECT_NE(output.find("inside job " + job_id), std::string::npos) << output;
  EXPECT_EQ(Probe(job_id, "begin", "", &output), kPermissionDenied) << output;
  EXPECT_EQ(Probe(job_id, "list", "", &output), 0) << output;
  EXPECT_NE(output.find(job_id), std::string::npos);
  EXPECT_EQ(output.find(other), std::string::npos) << "another job's state is not for it";
  EXPECT_EQ(Probe(job_id, "status", "", &output), 0);
  EXPECT_NE(output.find(" 0\n"), std::string::npos) << "no list of programs for a job: " << output;

  EXPECT_EQ(Probe("", "end", other, &output), 0) << output << " (root outside every scope may)";
  EXPECT_NE(ReadAll(state_ / "log").find("refused EndJob"), std::string::npos) << "and the attempt is logged";
  End(job_id);
}

TEST_F(DaemonTest, LetsOtherUsersReadOnly) {
  const std::string job_id = BeginBlock();
  ASSERT_EQ(::chmod(state_.c_str(), 0711), 0);
  std::string output;
  // The probe itself must be readable for that user; skip nothing: copy it to a place that is.
  const fs::path copy = state_ / "control_probe";
  fs::copy_file(WEIR_CONTROL_PROBE, copy);
  const std::string socket = Socket();
  for (const std::string& call : {std::string("end"), std::string("list")}) {
    auto child = lab::Child::Fork([&] {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 99;
      ::execl(copy.c_str(), "control_probe", socket.c_str(), call.c_str(), job_id.c_str(), nullptr);
      return 127;
    });
    ASSERT_TRUE(child);
    const int status = child->Wait();
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), call == "end" ? kPermissionDenied : 0);
  }
  End(job_id);
}

TEST_F(DaemonTest, StopsCleanlyWithoutJobsAndKeepsPinsWithThem) {
  const std::string job_id = BeginBlock();
  EXPECT_EQ(StopDaemon(SIGTERM), 0);
  EXPECT_TRUE(fs::exists(Config().pin_directory)) << "the job stays judged";
  StartDaemon();
  ASSERT_FALSE(HasFatalFailure());
  End(job_id);
  ::kill(daemon_, SIGHUP);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(::kill(daemon_, 0), 0) << "SIGHUP changes nothing";
  EXPECT_EQ(StopDaemon(SIGTERM), 0);
  EXPECT_FALSE(fs::exists(Config().pin_directory));
  EXPECT_FALSE(fs::exists(Socket()));
}

TEST_F(DaemonTest, RefusesASecondDaemon) {
  const pid_t second =
      Spawn({WEIR_SENSOR_PROGRAM, "--cgroup-root", cgroup_->path(), "--pin-dir", Config().pin_directory, "--state-dir",
             Config().state_directory, "--socket", Socket(), "--collector", ""},
            state_ / "log2");
  int status = 0;
  ASSERT_EQ(::waitpid(second, &status, 0), second);
  EXPECT_EQ(WEXITSTATUS(status), 69);
  EXPECT_NE(ReadAll(state_ / "log2").find("another sensor"), std::string::npos) << ReadAll(state_ / "log2");
}

}  // namespace
}  // namespace weir
