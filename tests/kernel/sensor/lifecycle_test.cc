// SPDX-License-Identifier: Apache-2.0
// The edges of a job's life: ends that go wrong, sensors that die between two steps, files that lie.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "bpf/abi.h"
#include "sensor/app/sensor.h"
#include "sensor/base/fd.h"
#include "sensor/jobs/cgroup.h"
#include "sensor/jobs/job_id.h"
#include "sensor/jobs/job_state.h"
#include "tests/kernel/sensor/sensor_world.h"

namespace weir {
namespace {

namespace fs = std::filesystem;

const std::string kBlock = "version: 1\nmode: block\nallow: [\"198.51.100.7:9/udp\"]\n";

bool Within(std::chrono::milliseconds patience, const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

class LifecycleTest : public SensorWorld {
 protected:
  void SetUp() override {
    SensorWorld::SetUp();
    if (!HasFatalFailure()) StartSensor();
  }

  [[nodiscard]] Fd Pinned(const std::string& name) const {
    return Fd(bpf_obj_get((Config().pin_directory / name).c_str()));
  }
  [[nodiscard]] fs::path StateFile(const std::string& job_id) const {
    return Config().state_directory / "jobs" / (job_id + ".json");
  }
  [[nodiscard]] jobs::JobState ReadState(const std::string& job_id) const {
    auto state = jobs::JobStateFromJson(ReadFile(StateFile(job_id)));
    EXPECT_TRUE(state) << state.error().what;
    return state ? *state : jobs::JobState{};
  }
  void WriteState(const jobs::JobState& state) const {
    std::ofstream(StateFile(state.job_id), std::ios::trunc) << jobs::JobStateToJson(state);
  }
  /// Empty: there is none.
  [[nodiscard]] std::string Record(const std::string& job_id) const {
    return ReadFile(Config().state_directory / "records" / (job_id + ".json"));
  }
  [[nodiscard]] static std::string ReadFile(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  [[nodiscard]] bool IsEmpty(const std::string& map) const {
    const Fd fd = Pinned(map);
    unsigned char key[512];
    return fd && bpf_map_get_next_key(fd.get(), nullptr, key) != 0;
  }
};

TEST_F(LifecycleTest, SweepsWhatAKilledSensorHadClosedAndNotSwept) {
  const JobBegun job = Begin(kBlock);
  sensor_.reset();
  // As a kill between the two leaves it.
  const Fd scopes = Pinned("weir_scopes"), cgroups = Pinned("weir_cgroups");
  std::uint64_t cgroup_id = 0;
  ASSERT_EQ(bpf_map_get_next_key(cgroups.get(), nullptr, &cgroup_id), 0);
  ASSERT_EQ(bpf_map_delete_elem(cgroups.get(), &cgroup_id), 0);
  ASSERT_EQ(bpf_map_delete_elem(scopes.get(), &job.scope_id), 0);
  ASSERT_FALSE(IsEmpty("weir_exact"));
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_TRUE(sensor_->ListJobs().empty());
  for (const char* map : {"weir_exact", "weir_usage", "weir_counts", "weir_canary", "weir_resolvers"})
    EXPECT_TRUE(IsEmpty(map)) << map;
}

TEST_F(LifecycleTest, EndsAJobWhoseCgroupWasRemovedFromOutside) {
  const JobBegun job = Begin(kBlock);
  ASSERT_EQ(::rmdir(job.cgroup_path.c_str()), 0);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_FALSE(ended->complete) << "nothing proved that it was judged to its end";
  EXPECT_TRUE(sensor_->ListJobs().empty()) << "nothing is left in it, so nothing is to be waited for";
  EXPECT_TRUE(Within(std::chrono::seconds(5), [&] { return IsEmpty("weir_counts"); }));
}

/// A process of the job that lives until told otherwise.
class Lingerer {
 public:
  Lingerer(Sensor& sensor, const std::string& job_id) {
    EXPECT_EQ(::pipe2(gate_, O_CLOEXEC), 0);
    auto child = lab::Child::Fork([this] {
      ::close(gate_[1]);
      char byte = 0;
      (void)!::read(gate_[0], &byte, 1);
      return 0;
    });
    EXPECT_TRUE(child);
    child_.emplace(std::move(*child));
    EXPECT_TRUE(sensor.JoinJob(job_id, child_->pid()));
    child_->Go();
  }
  ~Lingerer() { Leave(); }
  Lingerer(const Lingerer&) = delete;
  Lingerer& operator=(const Lingerer&) = delete;
  void Leave() {
    if (!child_) return;
    ::close(gate_[1]);
    EXPECT_EQ(child_->Wait(), 0);
    ::close(gate_[0]);
    child_.reset();
  }

 private:
  int gate_[2] = {-1, -1};
  std::optional<lab::Child> child_;
};

TEST_F(LifecycleTest, ListsAnEndedJobAsEndedAlsoAfterARestart) {
  const JobBegun job = Begin(kBlock);
  Lingerer lingerer(*sensor_, job.job_id);
  EXPECT_FALSE(sensor_->ListJobs().at(0).ended);
  auto ended = sensor_->EndJob(job.job_id, 3);
  ASSERT_TRUE(ended) << ended.error().what;
  EXPECT_TRUE(IsEmpty("weir_fwd_ports"));
  std::int64_t end_time_ns = 0;
  for (const bool adopted : {false, true}) {
    const auto jobs = sensor_->ListJobs();
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_EQ(jobs[0].adopted, adopted);
    EXPECT_TRUE(jobs[0].ended);
    EXPECT_EQ(jobs[0].exit_status, 3);
    EXPECT_EQ(jobs[0].leftovers, 1u);
    EXPECT_NE(jobs[0].end_time_ns, 0);
    EXPECT_TRUE(!adopted || jobs[0].end_time_ns == end_time_ns) << jobs[0].end_time_ns;
    end_time_ns = jobs[0].end_time_ns;
    EXPECT_EQ(sensor_->Status().jobs, 0u) << "it does not run";
    EXPECT_EQ(sensor_->EndJob(job.job_id, 0).error().code, Code::kNotFound) << "and ends once";
    if (adopted) break;
    sensor_.reset();
    StartSensor();
    ASSERT_FALSE(HasFatalFailure());
  }
  lingerer.Leave();
  EXPECT_TRUE(Within(std::chrono::seconds(5), [&] { return sensor_->ListJobs().empty() && JobCgroups() == 0; }));
  EXPECT_EQ(Record(job.job_id), ended->record_json);
}

TEST_F(LifecycleTest, KeepsTheRecordOfAnEndedJobWhoseLastProcessDiedUnseen) {
  const JobBegun job = Begin(kBlock);
  Lingerer lingerer(*sensor_, job.job_id);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended);
  sensor_.reset();
  lingerer.Leave();
  ASSERT_EQ(::rmdir(job.cgroup_path.c_str()), 0);
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(Record(job.job_id), ended->record_json) << "a sensor that came later knows less";
  EXPECT_TRUE(sensor_->ListJobs().empty());
}

TEST_F(LifecycleTest, LeavesNothingWhenTheLastLeftoverDiesBeforeAStop) {
  const JobBegun job = Begin(kBlock);
  Lingerer lingerer(*sensor_, job.job_id);
  ASSERT_TRUE(sensor_->EndJob(job.job_id, 0));
  lingerer.Leave();
  sensor_.reset();
  EXPECT_FALSE(fs::exists(Config().pin_directory));
  EXPECT_FALSE(fs::exists(fs::path(cgroup_->path()) / "weir"));
}

TEST_F(LifecycleTest, CountsOnlyRunningJobsAndThoseThatBegin) {
  sensor_.reset();
  SensorConfig config = Config();
  config.max_jobs = 1;
  auto sensor = Sensor::Create(config, nullptr);
  ASSERT_TRUE(sensor) << sensor.error().what;
  JobSpec spec;
  spec.name = "job";
  spec.policy_text = kBlock;
  auto first = (*sensor)->BeginJob(spec);
  ASSERT_TRUE(first);
  {
    Lingerer lingerer(**sensor, first->job_id);
    ASSERT_TRUE((*sensor)->EndJob(first->job_id, 0));
    std::vector<std::thread> callers;
    std::atomic<int> begun{0};
    for (int i = 0; i < 4; ++i) callers.emplace_back([&] { begun += (*sensor)->BeginJob(spec).has_value() ? 1 : 0; });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(begun, 1) << "what is left of an ended job takes no place, and no two take one";
  }
  for (const JobView& job : (*sensor)->ListJobs()) EXPECT_TRUE(job.ended || (*sensor)->EndJob(job.job_id, 0));
}

TEST_F(LifecycleTest, ListsJobsWhileOneEnds) {
  sensor_.reset();
  SensorConfig config = Config();
  config.leftovers_wait = std::chrono::seconds(3);
  auto sensor = Sensor::Create(config, nullptr);
  ASSERT_TRUE(sensor) << sensor.error().what;
  JobSpec spec;
  spec.name = "job";
  spec.policy_text = kBlock;
  auto job = (*sensor)->BeginJob(spec);
  ASSERT_TRUE(job);
  Lingerer lingerer(**sensor, job->job_id);
  std::atomic<bool> over{false};
  std::thread end([&] {
    EXPECT_TRUE((*sensor)->EndJob(job->job_id, 0));
    over = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ((*sensor)->ListJobs().size(), 1u);
  EXPECT_FALSE(over) << "the list came before the end";
  end.join();
  lingerer.Leave();
}

TEST_F(LifecycleTest, EndsOnceForTwoClients) {
  const JobBegun job = Begin(kBlock);
  std::atomic<int> ended{0}, not_found{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      auto end = sensor_->EndJob(job.job_id, 0);
      ended += end.has_value() ? 1 : 0;
      not_found += !end && end.error().code == Code::kNotFound ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(not_found, 3);
}

TEST_F(LifecycleTest, RefusesNumbersThatAreNone) {
  const JobBegun job = Begin(kBlock);
  EXPECT_EQ(sensor_->EndJob(job.job_id, 256).error().code, Code::kInvalid);
  EXPECT_EQ(sensor_->EndJob(job.job_id, -2).error().code, Code::kInvalid);
  JobSpec spec;
  spec.name = "job";
  spec.network_namespace_pid = -5;
  EXPECT_EQ(sensor_->BeginJob(spec).error().code, Code::kInvalid);
  EXPECT_TRUE(sensor_->EndJob(job.job_id, -1));
}

TEST_F(LifecycleTest, TakesAwayWhatABeginThatWasKilledLeft) {
  sensor_.reset();
  jobs::JobState intent;
  intent.boot_id = *jobs::BootId();
  intent.job_id = "20260101-000000000-0000000000";
  intent.scope_id = 1;
  intent.mode = WEIR_MODE_BLOCK;
  fs::create_directories(cgroup_->path() + "/weir/" + intent.job_id);
  WriteState(intent);
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(JobCgroups(), 0u);
  EXPECT_EQ(Record(intent.job_id), "") << "it never ran";
  EXPECT_FALSE(fs::exists(StateFile(intent.job_id)));
}

TEST_F(LifecycleTest, DoesNotTakeAJobForAnotherByADamagedStateFile) {
  const JobBegun first = Begin(kBlock, "first"), second = Begin(kBlock, "second");
  Lingerer lingerer(*sensor_, second.job_id);
  sensor_.reset();
  auto state = ReadState(first.job_id);
  state.scope_id = second.scope_id;
  WriteState(state);
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  const auto jobs = sensor_->ListJobs();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_EQ(jobs[0].job_id, second.job_id);
  EXPECT_FALSE(jobs[0].ended);
  lingerer.Leave();
  auto ended = sensor_->EndJob(second.job_id, 0);
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->record_json.find("\"first\""), std::string::npos);
}

TEST_F(LifecycleTest, ServesNoNamesByAPolicyThatIsNotTheJobs) {
  const JobBegun job = Begin(kBlock);
  const auto port = [&] {
    weir_scope scope{};
    EXPECT_EQ(bpf_map_lookup_elem(Pinned("weir_scopes").get(), &job.scope_id, &scope), 0);
    return scope.forwarder_port4;
  };
  ASSERT_NE(port(), 0);
  sensor_.reset();
  auto state = ReadState(job.job_id);
  state.policy_text = "version: 1\nmode: audit\nallow: [\"*.example.net\"]\n";
  state.mode = WEIR_MODE_AUDIT;
  WriteState(state);
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_EQ(sensor_->ListJobs().size(), 1u);
  EXPECT_EQ(sensor_->ListJobs()[0].mode, policy::Mode::kBlock) << "what the kernel enforces";
  EXPECT_EQ(port(), 0) << "DNS over TCP falls closed";
  EXPECT_TRUE(IsEmpty("weir_fwd_ports")) << "the ports of the forwarder that is gone are anybody's";
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended);
  EXPECT_FALSE(ended->complete);
  EXPECT_NE(ended->record_json.find("not the one that it began with"), std::string::npos);
}

/// While it lives no file of this process can grow: as on a full disk.
class FullDisk {
 public:
  FullDisk() {
    ::signal(SIGXFSZ, SIG_IGN);
    EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &usual_), 0);
    const rlimit none{0, usual_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  ~FullDisk() { EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &usual_), 0); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit usual_{};
};

TEST_F(LifecycleTest, EndsJobsOnAFullDiskAndBeginsNone) {
  const JobBegun whole = Begin(kBlock), lingers = Begin(kBlock);
  Lingerer lingerer(*sensor_, lingers.job_id);
  {
    const FullDisk full;
    auto ended = sensor_->EndJob(whole.job_id, 0);
    ASSERT_TRUE(ended) << ended.error().what;
    EXPECT_TRUE(ended->complete) << ended->record_json;
    ASSERT_TRUE(sensor_->EndJob(lingers.job_id, 0));
    JobSpec spec;
    spec.name = "late";
    EXPECT_FALSE(sensor_->BeginJob(spec));
    EXPECT_EQ(JobCgroups(), 1u);
    EXPECT_EQ(sensor_->ListJobs().size(), 1u);
    sensor_.reset();
  }
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  const auto jobs = sensor_->ListJobs();
  ASSERT_EQ(jobs.size(), 1u);
  EXPECT_TRUE(jobs[0].ended) << "the kernel knows, where no file could say so";
  lingerer.Leave();
  EXPECT_TRUE(Within(std::chrono::seconds(5), [&] { return sensor_->ListJobs().empty(); }));
}

/// A question for evil.example.net over TCP to the resolver. The forwarder's rcode; -1: no answer.
int AskOverTcp() {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (ConnectFd(fd.get(), "127.0.0.1", 53) != 0) return -1;
  const std::string question("\0\42\0\7\1\0\0\1\0\0\0\0\0\0\4evil\7example\3net\0\0\1\0\1", 36);
  if (::write(fd.get(), question.data(), question.size()) != static_cast<ssize_t>(question.size())) return -1;
  unsigned char answer[6];
  return ::recv(fd.get(), answer, sizeof(answer), MSG_WAITALL) == sizeof(answer) ? answer[5] & 15 : -1;
}

TEST_F(LifecycleTest, CountsWhatAnEarlierSensorsForwarderRefused) {
  const JobBegun job = Begin(kBlock);
  constexpr int kRefused = 5;  // RFC 1035 4.1.1
  ASSERT_EQ(RunIn(job.job_id, AskOverTcp), kRefused);
  sensor_.reset();
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_EQ(RunIn(job.job_id, AskOverTcp), kRefused);
  auto ended = sensor_->EndJob(job.job_id, 0);
  ASSERT_TRUE(ended);
  EXPECT_NE(ended->record_json.find(R"("forwarder":{"allowed":0,"denied":2,)"), std::string::npos)
      << ended->record_json;
  EXPECT_EQ(ended->denied, 2u);
}

TEST_F(LifecycleTest, TrustsNoNamespaceThatItDoesNotKnow) {
  const Fd link = Pinned("links/weir_connect4");
  ASSERT_EQ(bpf_link_detach(link.get()), 0);
  const JobBegun job = Begin("version: 1\nmode: audit\n");
  EXPECT_FALSE(job.armed) << "the canary was not judged";
  EXPECT_TRUE(IsEmpty("weir_netns"));
  EXPECT_TRUE(sensor_->EndJob(job.job_id, 0));
}

TEST_F(LifecycleTest, TakesNoProcessOutOfAnotherJob) {
  const JobBegun first = Begin(kBlock, "first"), second = Begin(kBlock, "second");
  auto child = lab::Child::Fork([] { return 0; });
  ASSERT_TRUE(child);
  ASSERT_TRUE(sensor_->JoinJob(first.job_id, child->pid()));
  EXPECT_EQ(sensor_->JoinJob(second.job_id, child->pid()).error().code, Code::kExists);
  EXPECT_NE(jobs::CgroupOfProcess(child->pid())->find(first.job_id), std::string::npos) << "it was not moved";
  EXPECT_EQ(sensor_->JoinJob(second.job_id, ::getpid()).error().code, Code::kInvalid) << "nor is the sensor";
  EXPECT_EQ(child->Wait(), 0);
  EXPECT_TRUE(sensor_->EndJob(first.job_id, 0));
  EXPECT_TRUE(sensor_->EndJob(second.job_id, 0));
}

TEST_F(LifecycleTest, TakesAProcessInTheCgroupOfAJobThatItDoesNotKnowForInside) {
  const JobBegun job = Begin(kBlock);
  Lingerer lingerer(*sensor_, job.job_id);
  sensor_.reset();
  std::ofstream(StateFile(job.job_id), std::ios::trunc) << "{";
  // As a process has it for which the table of tasks had no room.
  std::uint32_t tgid = 0;
  const Fd tasks = Pinned("weir_tasks");
  ASSERT_EQ(bpf_map_get_next_key(tasks.get(), nullptr, &tgid), 0);
  ASSERT_EQ(bpf_map_delete_elem(tasks.get(), &tgid), 0);
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  EXPECT_EQ(sensor_->JobOfProcess(static_cast<pid_t>(tgid)).value(), job.job_id);
  EXPECT_TRUE(fs::exists(job.cgroup_path));
  EXPECT_FALSE(IsEmpty("weir_scopes")) << "judged by its cgroup alone, which must stay";
  lingerer.Leave();
  EXPECT_TRUE(Within(std::chrono::seconds(5), [&] { return IsEmpty("weir_scopes") && JobCgroups() == 0; }));
}

TEST_F(LifecycleTest, SaysWhichStateFileWasSetAside) {
  const JobBegun job = Begin(kBlock);
  sensor_.reset();
  std::ofstream(StateFile(job.job_id), std::ios::trunc) << "{";
  StartSensor();
  ASSERT_FALSE(HasFatalFailure());
  const SensorStatus status = sensor_->Status();
  ASSERT_EQ(status.start_faults.size(), 1u);
  EXPECT_NE(status.start_faults[0].find(job.job_id), std::string::npos) << status.start_faults[0];
}

}  // namespace
}  // namespace weir
