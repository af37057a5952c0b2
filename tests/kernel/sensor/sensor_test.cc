// SPDX-License-Identifier: Apache-2.0
// The sensor's life of a job, with real programs and real processes.
#include "sensor/app/sensor.h"

#include <bpf/bpf.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "bpf/abi.h"
#include "sensor/base/fd.h"
#include "tests/kernel/sensor/sensor_world.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kAllowed = "198.51.100.7";
constexpr const char* kOther = "198.51.100.8";

const std::string kBlock = "version: 1\nmode: block\nallow: [\"198.51.100.7:9/udp\"]\n";
const std::string kBlockOther = "version: 1\nmode: block\nallow: [\"198.51.100.8:9/udp\"]\n";
const std::string kAudit = "version: 1\nmode: audit\nallow: [\"198.51.100.7:9/udp\"]\n";

json Predicate(const JobEnded& ended) { return json::parse(ended.record_json).at("predicate"); }

class SensorTest : public SensorWorld {
 protected:
  void SetUp() override {
    SensorWorld::SetUp();
    if (!HasFatalFailure()) StartSensor();
  }
};

TEST_F(SensorTest, RunsAJobInBlockModeAndRecordsIt) {
  const JobBegun job = Begin(kBlock);
  ASSERT_TRUE(job.armed) << (job.not_armed_reasons.empty() ? "" : job.not_armed_reasons.front());
  EXPECT_EQ(JobCgroups(), 1u);
  EXPECT_EQ(RunIn(job.job_id,
                  [] {
                    if (Refused(ConnectUdp(kAllowed, 9))) return 1;
                    if (!Refused(ConnectUdp(kAllowed, 10))) return 2;
                    if (!Refused(ConnectUdp(kOther, 9))) return 3;
                    return 0;
                  }),
            0);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_EQ(ended->denied, 2u);
  EXPECT_GE(ended->allowed, 1u);
  EXPECT_TRUE(ended->leftovers.empty());
  const json record = Predicate(*ended);
  EXPECT_TRUE(ended->complete) << record.at("reasons").dump();
  EXPECT_EQ(record.at("counts").at("hooks").at("connect").at("denied"), 2);
  EXPECT_EQ(record.at("canaries").size(), 2u);
  for (const json& canary : record.at("canaries")) {
    EXPECT_TRUE(canary.at("proven")) << canary.dump();
    EXPECT_EQ(canary.at("verdict"), "deny");
  }
  EXPECT_GT(record.at("programs").size(), 10u);
  EXPECT_EQ(record.at("policy").at("mode"), "block");
  EXPECT_EQ(JobCgroups(), 0u);
  EXPECT_TRUE(sensor_->ListJobs().empty());
}

TEST_F(SensorTest, AuditsWithoutRefusing) {
  const JobBegun job = Begin(kAudit);
  EXPECT_TRUE(job.armed);
  EXPECT_EQ(RunIn(job.job_id, [] { return Refused(ConnectUdp(kOther, 9)) ? 1 : 0; }), 0);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_EQ(ended->denied, 0u);
  EXPECT_EQ(ended->would_deny, 1u);
  EXPECT_EQ(Predicate(*ended).at("canaries").at(0).at("verdict"), "would-deny");
}

TEST_F(SensorTest, KeepsTwoJobsOfOppositePoliciesApart) {
  const JobBegun first = Begin(kBlock, "first"), second = Begin(kBlockOther, "second");
  const auto alternate = [](const char* allowed, const char* denied) {
    return [allowed, denied] {
      for (int i = 0; i < 1000; ++i) {
        if (Refused(ConnectUdp(allowed, 9))) return 1;
        if (!Refused(ConnectUdp(denied, 9))) return 2;
      }
      return 0;
    };
  };
  auto a = lab::Child::Fork(alternate(kAllowed, kOther));
  auto b = lab::Child::Fork(alternate(kOther, kAllowed));
  ASSERT_TRUE(a && b);
  ASSERT_TRUE(sensor_->JoinJob(first.job_id, a->pid()));
  ASSERT_TRUE(sensor_->JoinJob(second.job_id, b->pid()));
  a->Go();
  b->Go();
  EXPECT_EQ(a->Wait(), 0);
  EXPECT_EQ(b->Wait(), 0);
  for (const JobBegun* job : {&first, &second}) {
    auto ended = sensor_->EndJob(job->job_id, 0);
    ASSERT_TRUE(ended);
    EXPECT_EQ(Predicate(*ended).at("counts").at("hooks").at("connect").at("denied"), 1000);
    EXPECT_EQ(Predicate(*ended).at("counts").at("hooks").at("connect").at("allowed"), 1000);
    EXPECT_TRUE(ended->complete) << Predicate(*ended).at("reasons").dump();
  }
}

TEST_F(SensorTest, DoesNotStartABlockJobThatIsNotArmed) {
  Fd link(bpf_obj_get((Config().pin_directory / "links" / "weir_connect4").c_str()));
  ASSERT_TRUE(link);
  ASSERT_EQ(bpf_link_detach(link.get()), 0);
  JobSpec spec;
  spec.name = "job";
  spec.policy_text = kBlock;
  auto begun = sensor_->BeginJob(spec);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, Code::kNotArmed);
  EXPECT_NE(begun.error().what.find("weir_connect4"), std::string::npos) << begun.error().what;
  EXPECT_NE(begun.error().what.find("canary"), std::string::npos) << begun.error().what;
  EXPECT_EQ(JobCgroups(), 0u) << "nothing stays behind";
  EXPECT_TRUE(sensor_->ListJobs().empty());

  spec.policy_text = kAudit;
  begun = sensor_->BeginJob(spec);
  ASSERT_TRUE(begun) << "audit starts and says what is not seen";
  EXPECT_FALSE(begun->armed);
  EXPECT_FALSE(begun->not_armed_reasons.empty());
  auto ended = sensor_->EndJob(begun->job_id, 0);
  ASSERT_TRUE(ended);
  EXPECT_FALSE(ended->complete) << "nothing was denied and nothing was watched must not look alike";
}

TEST_F(SensorTest, SaysEveryFaultOfAPolicy) {
  JobSpec spec;
  spec.name = "job";
  spec.policy_path = ".github/egress.yml";
  spec.policy_text = "version: 1\nmode: blok\nallow:\n  - \"*.com\"\n";
  auto begun = sensor_->BeginJob(spec);
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, Code::kInvalid);
  EXPECT_NE(begun.error().what.find("blok"), std::string::npos) << begun.error().what;
  EXPECT_NE(begun.error().what.find("*.com"), std::string::npos) << begun.error().what;
  EXPECT_EQ(JobCgroups(), 0u);
}

TEST_F(SensorTest, AdoptsTheSocketsOfAJoiningProcess) {
  const JobBegun job = Begin(kBlock);
  int gate[2], answers[2];
  ASSERT_EQ(::pipe(gate), 0);
  ASSERT_EQ(::pipe(answers), 0);
  auto child = lab::Child::Fork([&] {
    const int early = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char byte = 'r';
    (void)!::write(answers[1], &byte, 1);
    (void)!::read(gate[0], &byte, 1);
    if (Refused(ConnectFd(early, kAllowed, 9))) return 1;
    return Refused(ConnectFd(early, kOther, 9)) ? 0 : 2;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(cgroup_->Enter(child->pid())) << "below the attach root, outside every scope";
  child->Go();
  char byte = 0;
  ASSERT_EQ(::read(answers[0], &byte, 1), 1);
  auto joined = sensor_->JoinJob(job.job_id, child->pid());
  ASSERT_TRUE(joined) << joined.error().what;
  EXPECT_EQ(*joined, 1u) << "the sockets of the sensor, which a forked child shares, are not the job's";
  ASSERT_EQ(::write(gate[1], "g", 1), 1);
  EXPECT_EQ(child->Wait(), 0);
  EXPECT_TRUE(sensor_->EndJob(job.job_id, 0));
}

TEST_F(SensorTest, NamesWhatOutlivesTheJobAndGoesOnJudgingIt) {
  const JobBegun job = Begin(kBlock);
  int gate[2], answers[2];
  ASSERT_EQ(::pipe(gate), 0);
  ASSERT_EQ(::pipe(answers), 0);
  auto child = lab::Child::Fork([&] {
    ::close(gate[1]);
    char byte = 0;
    while (::read(gate[0], &byte, 1) == 1) {
      const int result = ConnectUdp(kAllowed, 9);
      (void)!::write(answers[1], &result, sizeof(result));
    }
    return 0;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, child->pid()));
  child->Go();
  const auto ask = [&] {
    int result = -1;
    EXPECT_EQ(::write(gate[1], "g", 1), 1);
    EXPECT_EQ(::read(answers[0], &result, sizeof(result)), static_cast<ssize_t>(sizeof(result)));
    return result;
  };
  EXPECT_FALSE(Refused(ask()));
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->leftovers.size(), 1u);
  EXPECT_NE(ended->leftovers[0].find(std::to_string(child->pid())), std::string::npos);
  EXPECT_FALSE(ended->complete);
  EXPECT_TRUE(Refused(ask())) << "what is left of an ended job is denied, allowed or not";
  EXPECT_EQ(JobCgroups(), 1u);

  ::close(gate[1]);
  EXPECT_EQ(child->Wait(), 0);
  for (int i = 0; i < 100 && JobCgroups() != 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(JobCgroups(), 0u) << "taken away when the last process is gone";
}

TEST_F(SensorTest, NamesTheContainerOfWhatOutlivesTheJob) {
  const JobBegun job = Begin(kBlock);
  auto left = lab::Child::Fork([] { return ::pause(); });
  ASSERT_TRUE(left);
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, left->pid()));
  const std::string id = "0123456789ab" + std::string(52, 'c');
  const std::filesystem::path container = job.cgroup_path / ("libpod-" + id + ".scope");
  ASSERT_TRUE(std::filesystem::create_directory(container));
  std::ofstream(container / "cgroup.procs") << left->pid() << std::flush;
  const auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended);
  ASSERT_EQ(ended->leftovers.size(), 1u);
  EXPECT_TRUE(ended->leftovers[0].ends_with(" in container 0123456789ab")) << ended->leftovers[0];
}

TEST_F(SensorTest, KillsWhatOutlivesTheJobWhereThePolicySaysSo) {
  const JobBegun job = Begin(kBlock + "leftovers: kill\n");
  auto inside = lab::Child::Fork([] { return ::pause(); });
  auto left = lab::Child::Fork([] { return ::pause(); });
  auto outside = lab::Child::Fork([] { return ::pause(); });
  ASSERT_TRUE(inside && left && outside);
  for (auto* member : {&*inside, &*left}) {
    ASSERT_TRUE(sensor_->JoinJob(job.job_id, member->pid()));
    member->Go();
  }
  outside->Go();
  ASSERT_TRUE(cgroup_->Enter(left->pid())) << "moved itself out";
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_TRUE(ended->leftovers.empty());
  EXPECT_TRUE(ended->complete) << ended->record_json;
  const json predicate = Predicate(*ended);
  EXPECT_EQ(predicate.at("killed").size(), 2u);
  EXPECT_TRUE(predicate.at("leftovers").empty());
  for (auto* member : {&*inside, &*left}) {
    const int status = member->Wait();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  }
  EXPECT_EQ(::kill(outside->pid(), 0), 0);
}

TEST_F(SensorTest, DoesNotSetFreeAProcessThatLeftTheCgroup) {
  const JobBegun job = Begin(kBlock);
  int gate[2];
  ASSERT_EQ(::pipe(gate), 0);
  auto child = lab::Child::Fork([&] {
    ::close(gate[1]);
    char byte = 0;
    (void)!::read(gate[0], &byte, 1);
    return Refused(ConnectUdp(kOther, 9)) ? 0 : 1;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, child->pid()));
  child->Go();
  ASSERT_TRUE(cgroup_->Enter(child->pid())) << "a root job moves itself out";
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->leftovers.size(), 1u) << "its identity is its scope, not its cgroup";
  ::close(gate[1]);
  EXPECT_EQ(child->Wait(), 0) << "the end of the job must not be a way out";
}

TEST_F(SensorTest, SaysWhatThePolicyTakesFromTheGuardAndRecordsEachClass) {
  const JobBegun job = Begin(kBlock + "guard: {tun: allow, packet: report}\nsockets: {/run/x.sock: allow}\n");
  std::string warnings;
  for (const std::string& warning : job.warnings) warnings += warning + "\n";
  EXPECT_NE(warnings.find("refuse: tun\n"), std::string::npos) << warnings;
  EXPECT_NE(warnings.find("/run/x.sock\n"), std::string::npos) << warnings;
  EXPECT_EQ(warnings.find("packet"), std::string::npos) << "a report is no permission";
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  const json guard = Predicate(*ended).at("guard");
  EXPECT_EQ(guard.size(), WEIR_GUARD_CLASSES);
  EXPECT_EQ(guard.at("tun").at("action"), "allow");
  EXPECT_EQ(guard.at("packet").at("action"), "report");
  EXPECT_EQ(guard.at("bpf").at("action"), "deny");
  for (const auto& [name, known] : guard.items()) {
    EXPECT_EQ(known.at("denied"), 0) << name;
    EXPECT_EQ(known.at("state") == "full", known.at("why") == "") << name;
  }
}

TEST_F(SensorTest, TellsWhichJobAProcessIsIn) {
  const JobBegun job = Begin(kBlock);
  auto child = lab::Child::Fork([] { return 0; });
  ASSERT_TRUE(child);
  EXPECT_EQ(sensor_->JobOfProcess(child->pid()).value(), std::nullopt);
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, child->pid()));
  EXPECT_EQ(sensor_->JobOfProcess(child->pid()).value(), job.job_id);
  ASSERT_TRUE(cgroup_->Enter(child->pid()));
  EXPECT_EQ(sensor_->JobOfProcess(child->pid()).value(), job.job_id) << "identity is sticky";
  EXPECT_EQ(child->Wait(), 0);
}

TEST_F(SensorTest, LeavesNothingAfterACleanStop) {
  const JobBegun job = Begin(kBlock);
  ASSERT_TRUE(sensor_->EndJob(job.job_id, 0));
  sensor_.reset();
  EXPECT_FALSE(fs::exists(Config().pin_directory));
  EXPECT_FALSE(fs::exists(fs::path(cgroup_->path()) / "weir"));
}

TEST_F(SensorTest, HandsRunningJobsToItsSuccessor) {
  const JobBegun job = Begin(kBlock);
  int gate[2];
  ASSERT_EQ(::pipe(gate), 0);
  auto child = lab::Child::Fork([&] {
    ::close(gate[1]);
    if (!Refused(ConnectUdp(kOther, 9))) return 1;
    char byte = 0;
    (void)!::read(gate[0], &byte, 1);
    if (!Refused(ConnectUdp(kOther, 9))) return 2;
    return Refused(ConnectUdp(kAllowed, 9)) ? 3 : 0;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, child->pid()));
  child->Go();
  sensor_.reset();
  EXPECT_TRUE(fs::exists(Config().pin_directory));
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  const auto jobs = sensor_->ListJobs();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_TRUE(jobs[0].adopted);
  EXPECT_EQ(jobs[0].job_id, job.job_id);
  ::close(gate[1]);
  EXPECT_EQ(child->Wait(), 0);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  const json record = Predicate(*ended);
  ASSERT_EQ(record.at("lost").at("gaps").size(), 1u);
  EXPECT_EQ(record.at("lost").at("gaps").at(0).at("reason"), "sensor-down");
  EXPECT_EQ(record.at("events").at("segments").size(), 2u);
  EXPECT_EQ(ended->denied, 2u) << "verdicts are counted in the kernel, over both sensors";
}

TEST_F(SensorTest, KeepsJudgingAJobWhoseStateFileIsGarbage) {
  const JobBegun job = Begin(kBlock);
  int gate[2];
  ASSERT_EQ(::pipe(gate), 0);
  auto child = lab::Child::Fork([&] {
    ::close(gate[1]);
    char byte = 0;
    (void)!::read(gate[0], &byte, 1);
    return Refused(ConnectUdp(kOther, 9)) ? 0 : 1;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(sensor_->JoinJob(job.job_id, child->pid()));
  child->Go();
  sensor_.reset();
  std::ofstream(Config().state_directory / "jobs" / (job.job_id + ".json"), std::ios::trunc) << "{\"schema\": \"wei";
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_TRUE(fs::exists(Config().state_directory / "jobs" / (job.job_id + ".json.bad")));
  sensor_.reset();  // a clean stop of a sensor that knows no job, while a job's process lives
  ::close(gate[1]);
  EXPECT_EQ(child->Wait(), 0) << "an unreadable file must never set a job free";
}

TEST_F(SensorTest, ClosesTheRecordOfAJobWhoseCgroupIsGone) {
  const JobBegun job = Begin(kBlock);
  sensor_.reset();
  ASSERT_EQ(::rmdir(job.cgroup_path.c_str()), 0);
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_TRUE(sensor_->ListJobs().empty());
  std::ifstream file(Config().state_directory / "records" / (job.job_id + ".json"));
  ASSERT_TRUE(file) << "its record says that nobody saw the end";
  const json record = json::parse(file).at("predicate");
  EXPECT_FALSE(record.at("complete"));
  sensor_.reset();
  EXPECT_FALSE(fs::exists(Config().pin_directory));
}

}  // namespace
}  // namespace weir
