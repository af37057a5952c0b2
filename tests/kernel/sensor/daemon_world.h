// SPDX-License-Identifier: Apache-2.0
// weir-sensor as a process, with a client of its control socket.
#pragma once

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/kernel/sensor/sensor_world.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir {

inline pid_t Spawn(const std::vector<std::string>& command, const std::filesystem::path& output) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(fd, 1);
  ::dup2(fd, 2);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

inline std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class DaemonTest : public SensorWorld {
 protected:
  void SetUp() override {
    SensorWorld::SetUp();
    if (!HasFatalFailure()) StartDaemon();
  }
  void TearDown() override {
    StopDaemon(SIGTERM);
    SensorWorld::TearDown();
  }

  void StartDaemon() {
    daemon_ = Spawn({WEIR_SENSOR_PROGRAM, "--cgroup-root", cgroup_->path(), "--pin-dir", Config().pin_directory,
                     "--state-dir", Config().state_directory, "--socket", Socket(), "--collector", "",
                     "--events-ring-bytes", "1048576", "--denials-ring-bytes", "1048576"},
                    state_ / "log");
    ASSERT_GT(daemon_, 0);
    auto channel = grpc::CreateChannel("unix:" + Socket().string(), grpc::InsecureChannelCredentials());
    // A minute: an emulated CPU takes long to verify the programs.
    ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(60)))
        << ReadAll(state_ / "log");
    stub_ = v1::SensorControl::NewStub(channel);
  }

  /// Exit status, or 128 + signal.
  int StopDaemon(int signal) {
    stub_.reset();
    if (daemon_ <= 0) return -1;
    ::kill(daemon_, signal);
    int status = 0;
    ::waitpid(daemon_, &status, 0);
    daemon_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  [[nodiscard]] std::filesystem::path Socket() const { return state_ / "sensor.sock"; }

  std::string BeginBlock() {
    v1::BeginJobRequest request;
    v1::BeginJobResponse response;
    request.set_name("job");
    request.set_policy_text("version: 1\nmode: block\nallow: [\"198.51.100.7:9/udp\"]\n");
    grpc::ClientContext context;
    const grpc::Status status = stub_->BeginJob(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.armed());
    return response.job_id();
  }

  void Join(const std::string& job_id, pid_t pid) {
    v1::JoinJobRequest request;
    v1::JoinJobResponse response;
    request.set_job_id(job_id);
    request.set_pid(pid);
    grpc::ClientContext context;
    const grpc::Status status = stub_->JoinJob(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  v1::EndJobResponse End(const std::string& job_id) {
    v1::EndJobRequest request;
    v1::EndJobResponse response;
    request.set_job_id(job_id);
    grpc::ClientContext context;
    const grpc::Status status = stub_->EndJob(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  /// Runs the probe, inside `job_id` unless that is empty; returns its exit status.
  int Probe(const std::string& job_id, const std::string& call, const std::string& about, std::string* output,
            uid_t uid = 0) {
    const std::string file = state_ / "probe.out", socket = Socket();
    std::filesystem::remove(file);
    auto child = lab::Child::Fork([&] {
      const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(fd, 1);
      ::dup2(fd, 2);
      if (uid != 0 && ::setuid(uid) != 0) return 99;
      ::execl(WEIR_CONTROL_PROBE, "control_probe", socket.c_str(), call.c_str(), about.c_str(), nullptr);
      return 127;
    });
    EXPECT_TRUE(child);
    if (!job_id.empty()) Join(job_id, child->pid());
    const int status = child->Wait();
    *output = ReadAll(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  pid_t daemon_ = -1;
  std::unique_ptr<v1::SensorControl::Stub> stub_;
};

}  // namespace weir
