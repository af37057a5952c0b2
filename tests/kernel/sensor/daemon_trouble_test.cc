// SPDX-License-Identifier: Apache-2.0
// weir-sensor among clients that hang, vanish or insist; and killed at any moment.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <functional>
#include <sstream>
#include <thread>

#include "sensor/base/fd.h"
#include "tests/kernel/sensor/daemon_world.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

bool Within(milliseconds patience, const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

std::size_t Descriptors(pid_t pid) {
  std::size_t count = 0;
  std::error_code ignored;
  for (fs::directory_iterator entry("/proc/" + std::to_string(pid) + "/fd", ignored), end; entry != end; ++entry)
    ++count;
  return count;
}

/// User and system time so far, in clock ticks.
long Ticks(pid_t pid) {
  std::istringstream words(ReadAll("/proc/" + std::to_string(pid) + "/stat"));
  std::string word;
  for (int field = 1; field < 14; ++field) words >> word;
  long user = 0, system = 0;
  words >> user >> system;
  return user + system;
}

class DaemonTroubleTest : public DaemonTest {
 protected:
  [[nodiscard]] v1::ListJobsResponse List() {
    v1::ListJobsResponse jobs;
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    const grpc::Status status = stub_->ListJobs(&context, {}, &jobs);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return jobs;
  }
  [[nodiscard]] Fd Connect() const {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, Socket().c_str(), sizeof(address.sun_path) - 1);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fd.Reset();
    return fd;
  }
};

TEST_F(DaemonTroubleTest, KeepsItsDescriptorsFromAJobThatHangsOnToConnections) {
  const std::string job_id = BeginBlock();
  const std::size_t before = Descriptors(daemon_);
  int gate[2], ready[2];
  ASSERT_EQ(::pipe2(gate, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  auto child = lab::Child::Fork([&] {
    ::close(gate[1]);
    std::vector<Fd> held;
    for (int i = 0; i < 300; ++i) held.push_back(Connect());
    char byte = 'r';
    (void)!::write(ready[1], &byte, 1);
    (void)!::read(gate[0], &byte, 1);
    return 0;
  });
  ASSERT_TRUE(child);
  Join(job_id, child->pid());
  child->Go();
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LT(Descriptors(daemon_), before + 40);
  EXPECT_EQ(List().jobs_size(), 1) << "who is outside is served";
  ::close(gate[1]);
  EXPECT_EQ(child->Wait(), 0);
  std::string output;
  EXPECT_EQ(Probe(job_id, "list", "", &output), 0) << "what was closed makes room: " << output;
  End(job_id);
}

TEST_F(DaemonTroubleTest, DoesNotSpinWhenItCanAcceptNobody) {
  rlimit64 usual{};
  ASSERT_EQ(::prlimit64(daemon_, RLIMIT_NOFILE, nullptr, &usual), 0);
  const rlimit64 tight{3, usual.rlim_max};  // what is open stays open
  ASSERT_EQ(::prlimit64(daemon_, RLIMIT_NOFILE, &tight, nullptr), 0);
  const Fd waiting = Connect();
  ASSERT_TRUE(waiting);
  const long before = Ticks(daemon_);
  std::this_thread::sleep_for(milliseconds(1000));
  EXPECT_LT(Ticks(daemon_) - before, ::sysconf(_SC_CLK_TCK) / 3);
  ASSERT_EQ(::prlimit64(daemon_, RLIMIT_NOFILE, &usual, nullptr), 0);
  EXPECT_EQ(List().jobs_size(), 0);
}

TEST_F(DaemonTroubleTest, TellsOfManyRefusalsInFewLines) {
  const std::string job_id = BeginBlock();
  std::string output;
  for (int i = 0; i < 9; ++i) EXPECT_NE(Probe(job_id, "end", job_id, &output), 0);
  std::istringstream log(ReadAll(state_ / "log"));
  int lines = 0;
  for (std::string line; std::getline(log, line);)
    if (line.find("refused EndJob") != std::string::npos) ++lines;
  EXPECT_EQ(lines, 4) << "the 1st, 2nd, 4th and 8th";
  End(job_id);
}

TEST_F(DaemonTroubleTest, EndsAJobWhoseCallerDidNotWaitForIt) {
  v1::BeginJobRequest request;
  request.set_name("abandoned");
  std::string policy = "version: 1\nmode: block\nallow:\n";
  for (int i = 0; i < 20'000; ++i)  // takes a while to write
    policy += "  - 10." + std::to_string(i >> 8) + "." + std::to_string(i & 255) + ".1:443\n";
  request.set_policy_text(policy);
  grpc::ClientContext context;
  std::thread caller([&] {
    v1::BeginJobResponse response;
    EXPECT_EQ(stub_->BeginJob(&context, request, &response).error_code(), grpc::StatusCode::CANCELLED);
  });
  EXPECT_TRUE(Within(std::chrono::seconds(20), [&] { return JobCgroups() == 1; }));
  context.TryCancel();
  caller.join();
  EXPECT_TRUE(Within(std::chrono::seconds(20), [&] { return JobCgroups() == 0 && List().jobs_size() == 0; }))
      << "nobody knows its id";
}

TEST_F(DaemonTroubleTest, LeavesNothingWhereverItIsKilled) {
  for (int delay_ms = 0; delay_ms < 40; delay_ms += 4) {
    std::thread client([&] {
      const auto own = v1::SensorControl::NewStub(
          grpc::CreateChannel("unix:" + Socket().string(), grpc::InsecureChannelCredentials()));
      v1::BeginJobRequest request;
      request.set_name("job");
      request.set_policy_text("version: 1\nmode: block\nallow: [\"198.51.100.7:9/udp\"]\n");
      v1::BeginJobResponse begun;
      grpc::ClientContext begin;
      if (!own->BeginJob(&begin, request, &begun).ok()) return;
      v1::EndJobRequest end_request;
      end_request.set_job_id(begun.job_id());
      v1::EndJobResponse ended;
      grpc::ClientContext end;
      (void)own->EndJob(&end, end_request, &ended);
    });
    std::this_thread::sleep_for(milliseconds(delay_ms));
    EXPECT_EQ(StopDaemon(SIGKILL), 128 + SIGKILL);
    client.join();
    StartDaemon();
    ASSERT_FALSE(HasFatalFailure());
    const v1::ListJobsResponse adopted = List();
    // One that was killed after its record was made has ended, and goes with the next beat.
    for (const auto& job : adopted.jobs())
      if (!job.ended()) End(job.job_id());
    EXPECT_TRUE(Within(std::chrono::seconds(5), [&] { return List().jobs_size() == 0 && JobCgroups() == 0; }))
        << delay_ms << " ms";
  }
  EXPECT_EQ(StopDaemon(SIGTERM), 0);
  EXPECT_FALSE(fs::exists(Config().pin_directory));
  EXPECT_FALSE(fs::exists(fs::path(cgroup_->path()) / "weir"));
  EXPECT_TRUE(fs::is_empty(Config().state_directory / "jobs"));
}

}  // namespace
}  // namespace weir
