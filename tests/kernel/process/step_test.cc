// SPDX-License-Identifier: Apache-2.0
// Which step of a workflow a process is of: a child of the test stands for the Runner.Worker.
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "sensor/base/process_stat.h"
#include "tests/kernel/process/process_fixture.h"

namespace weir::lab {
namespace {

using std::string_literals::operator""s;

// A fork that runs `body`; waits for it unless it is to live on.
template <typename Body>
pid_t ForkStep(Body body, bool wait = true) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  if (wait) ::waitpid(pid, nullptr, 0);
  return pid;
}

int ExecWith(const std::vector<std::string>& environment, const char* verb = "exit") {
  std::vector<char*> variables;
  for (const std::string& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  variables.push_back(nullptr);
  ::execle(ActorPath().c_str(), "actor", verb, "1", nullptr, variables.data());
  return 126;
}

class StepTest : public ProcessTest {
 protected:
  static constexpr weir_step_key kWorker{kScope, 0};

  // The sensor's part: says who the Worker is, then moves it.
  void BeginWorker(std::function<int()> body, std::uint64_t ticks_off = 0) {
    auto child = Child::Fork(std::move(body));
    ASSERT_TRUE(child);
    worker_.emplace(std::move(*child));
    const auto stat = ReadProcessStat(worker_->pid());
    ASSERT_TRUE(stat);
    weir_step worker{};
    worker.start_ns = (stat->start_ticks + ticks_off) * WEIR_TICK_NS;
    worker.tgid = static_cast<std::uint32_t>(worker_->pid());
    ASSERT_TRUE(MapPut(skeleton().maps.weir_steps, kWorker, worker));
    ASSERT_TRUE(cgroup().Enter(worker_->pid()));
  }
  void RunWorker(std::function<int()> body) {
    BeginWorker(std::move(body));
    EXPECT_EQ(worker_->Wait(), 0);
    Take();
  }

  [[nodiscard]] std::vector<std::uint32_t> StepsOfForks() const {
    std::vector<std::uint32_t> steps;
    for (const weir_fork_event& fork : seen.forks) steps.push_back(fork.event.step);
    return steps;
  }
  [[nodiscard]] std::uint32_t Begun() const { return MapGet<weir_step>(skeleton().maps.weir_steps, kWorker)->begun; }

  std::optional<Child> worker_;
};

TEST_F(StepTest, EachProcessThatTheWorkerForksBeginsAStep) {
  RunWorker([] {
    for (int i = 0; i < 3; ++i) ForkStep([] { return ExecActor({"exit", "0"}); });
    return 0;
  });
  EXPECT_EQ(StepsOfForks(), (std::vector<std::uint32_t>{1, 2, 3}));
  ASSERT_EQ(seen.execs.size(), 4u);
  for (std::uint32_t i = 0; i < 4; ++i) EXPECT_EQ(seen.execs[i].fixed.event.step, i) << "the Worker itself is of none";
  ASSERT_EQ(seen.exits.size(), 4u);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(seen.exits[i].event.step, i + 1);
  EXPECT_EQ(Counter(WEIR_C_STEPS), 3u);
}

TEST_F(StepTest, WhatAStepLeavesBehindStaysItsOwn) {
  int second_began[2];
  ASSERT_EQ(::pipe(second_began), 0);
  RunWorker([&] {
    // Forked twice, in a session of its own, reparented; it goes on when the second step runs.
    ForkStep([&] {
      ::setsid();
      ForkStep(
          [&] {
            char byte;
            return ::read(second_began[0], &byte, 1) == 1 ? ExecActor({"deep", "2"}) : 1;
          },
          false);
      return 0;
    });
    ForkStep([&] { return ::write(second_began[1], "x", 1) == 1 ? ExecActor({"exit", "0"}) : 1; });
    return 0;
  });
  ::close(second_began[0]);
  ::close(second_began[1]);
  ASSERT_TRUE(TakeUntil([](const Seen& s) { return s.exits.size() == 6; }));
  std::vector<std::uint32_t> of_execs;
  for (const Exec& exec : seen.execs) of_execs.push_back(exec.fixed.event.step);
  std::sort(of_execs.begin(), of_execs.end());
  EXPECT_EQ(of_execs, (std::vector<std::uint32_t>{0, 1, 1, 1, 2}));
  EXPECT_EQ(Begun(), 2u);
}

TEST_F(StepTest, AStepCannotMakeItselfTheWorkersChild) {
  RunWorker([] {
    ForkStep([] {
      clone_args args = {};
      args.flags = CLONE_PARENT;
      const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
      return pid < 0 ? 1 : 0;  // both
    });
    while (::wait(nullptr) > 0) {
    }
    ForkStep([] { return 0; });
    return 0;
  });
  EXPECT_EQ(StepsOfForks(), (std::vector<std::uint32_t>{1, 1, 2}));
  EXPECT_EQ(seen.forks[1].ppid, seen.forks[0].ppid) << "its parent is the Worker, but who forked it is not";
}

TEST_F(StepTest, ThreadsOfTheWorkerForkStepsWithoutHolesAndTwins) {
  constexpr std::uint32_t kThreads = 8;
  constexpr std::uint32_t kForks = 100;
  RunWorker([] {
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([] {
        for (std::uint32_t n = 0; n < kForks; ++n) ForkStep([] { return 0; }, false);
      });
    }
    for (std::thread& thread : threads) thread.join();
    while (::wait(nullptr) > 0) {
    }
    return 0;
  });
  auto steps = StepsOfForks();
  std::sort(steps.begin(), steps.end());
  ASSERT_EQ(steps.size(), kThreads * kForks);
  for (std::uint32_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i], i + 1);
  EXPECT_EQ(Begun(), kThreads * kForks);
  std::uint32_t rows = 0;
  weir_step_key key{};
  for (const weir_step_key* at = nullptr; bpf_map__get_next_key(skeleton().maps.weir_steps, at, &key, sizeof(key)) == 0;
       at = &key)
    ++rows;
  EXPECT_LE(rows, 1 + WEIR_STEPS_KEPT);
}

// As it looks to a thread that forks while another one, on another CPU, has its number and has not counted it yet.
TEST_F(StepTest, ANumberThatIsBeingTakenIsNotGivenTwice) {
  for (std::uint32_t taken = 1; taken <= 3; ++taken) {
    ASSERT_TRUE(MapPut(skeleton().maps.weir_steps, weir_step_key{kScope, taken}, weir_step{}));
  }
  RunWorker([] {
    ForkStep([] { return 0; });
    return 0;
  });
  EXPECT_EQ(StepsOfForks(), (std::vector<std::uint32_t>{4}));
}

TEST_F(StepTest, WhoComesInByTheCgroupIsOfTheNewestStep) {
  BeginWorker([] {
    ForkStep([] { return 0; });
    ForkStep([] { return ::pause(); });
    return 0;
  });
  worker_->Go();
  ASSERT_TRUE(TakeUntil([](const Seen& s) { return s.forks.size() == 2; }));
  auto container = Child::RunIn(cgroup(), [] { return ::pause(); });
  ASSERT_TRUE(container);
  ASSERT_TRUE(Task(container->pid()));
  EXPECT_EQ(Task(container->pid())->step, 2u);
  clone_args args = {};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<__u64>(cgroup().fd());
  const auto born = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
  if (born == 0) ::_exit(0);
  ASSERT_EQ(::waitpid(born, nullptr, 0), born);
  Take();
  ASSERT_EQ(seen.ExecsOf(born).size(), 1u);
  EXPECT_EQ(seen.ExecsOf(born)[0].fixed.event.step, 2u);
  ::kill(static_cast<pid_t>(seen.forks[1].event.tgid), SIGKILL);
}

// It may be a task of an earlier step that had no room: of no known step, rather than of another's.
TEST_F(StepTest, OfAScopeThatHadTooManyTasksNewcomersAreOfNone) {
  BeginWorker([] {
    ForkStep([] { return 0; });
    return ::pause();
  });
  const auto use = [this](std::uint64_t tasks) {
    weir_usage usage = {};
    usage.tasks = tasks;
    ASSERT_TRUE(MapPut(skeleton().maps.weir_usage, kScope, usage));
  };
  use(WEIR_MAX_SCOPE_TASKS);
  worker_->Go();
  ASSERT_TRUE(TakeUntil([this](const Seen&) { return Counter(WEIR_C_TASKS_FULL) == 1; }));
  use(1);
  auto late = Child::RunIn(cgroup(), [] { return ::pause(); });
  ASSERT_TRUE(late);
  ASSERT_TRUE(Task(late->pid()));
  EXPECT_EQ(Task(late->pid())->step, 0u);
  EXPECT_EQ(Begun(), 1u);
}

// The host is a job's, and so is the Worker before the sensor moves it.
TEST_F(StepTest, TheWorkerIsFoundWhereTheWholeHostIsTheJobs) {
  const auto own = cgroup().CreateChild("job");
  ASSERT_TRUE(own);
  weir_scope scope = {};
  scope.cgroup_id = own->id();
  scope.generation = 1;
  scope.mode = WEIR_MODE_BLOCK;
  scope.flags = WEIR_S_HOST;
  ASSERT_TRUE(MapPut(skeleton().maps.weir_scopes, kScope, scope));
  BeginWorker([] {
    for (int i = 0; i < 2; ++i) ForkStep([] { return 0; });
    return 0;
  });
  EXPECT_EQ(Task(worker_->pid())->flags & WEIR_T_WORKER, WEIR_T_WORKER);
  // As when the sensor says it only then.
  auto task = *Task(worker_->pid());
  task.flags &= ~WEIR_T_WORKER;
  ASSERT_TRUE(MapPut(skeleton().maps.weir_tasks, static_cast<std::uint32_t>(worker_->pid()), task));
  ASSERT_TRUE(own->Enter(worker_->pid()));
  EXPECT_EQ(Task(worker_->pid())->flags, WEIR_T_WORKER) << "and is no service any more";
  EXPECT_EQ(worker_->Wait(), 0);
  Take();
  EXPECT_EQ(StepsOfForks(), (std::vector<std::uint32_t>{1, 2}));
}

TEST_F(StepTest, AnotherProcessOfTheWorkersNumberIsNotTheWorker) {
  BeginWorker(
      [] {
        ForkStep([] { return 0; });
        return 0;
      },
      1);
  EXPECT_EQ(worker_->Wait(), 0);
  Take();
  EXPECT_EQ(StepsOfForks(), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(Begun(), 0u);
}

TEST_F(StepTest, AScopeWithoutAWorkerHasNoSteps) {
  RunActor({"fork", "3"});
  EXPECT_EQ(StepsOfForks(), (std::vector<std::uint32_t>{0, 0, 0}));
}

TEST_F(StepTest, TheFirstExecTellsTheName) {
  RunWorker([] {
    ForkStep([] {
      return ExecWith({"GITHUB_ACTIONS=true", "GITHUB_ACTION_PATH=/x", "GITHUB_ACTION=__run_2", "XGITHUB_ACTION=no",
                       "GITHUB_ACTION_REPOSITORY=actions/checkout", "GITHUB_ACTION_REF=v4"},
                      "chain");
    });
    return 0;
  });
  ASSERT_EQ(seen.execs.size(), 3u);
  EXPECT_EQ(seen.execs[0].step, "") << "the Worker has a name of its own";
  EXPECT_EQ(seen.execs[1].step,
            "GITHUB_ACTION=__run_2\0GITHUB_ACTION_REPOSITORY=actions/checkout\0GITHUB_ACTION_REF=v4\0"s);
  EXPECT_EQ(seen.execs[2].step, "") << "from here on the step could say anything";
  EXPECT_EQ(seen.execs[2].fixed.event.step, 1u);
  EXPECT_EQ(Counter(WEIR_C_STEP_CUT), 0u);
}

TEST_F(StepTest, TheNameIsFoundBehindLongVariablesAndCutWhenItIsLong) {
  // Lengths around the size of a piece: what follows one must not be taken for a beginning.
  std::vector<std::string> environment;
  for (const std::size_t length : {253, 254, 255, 256, 509, 510, 511, 100'000}) {
    environment.push_back("X=" + std::string(length - 2, 'x'));
    environment.push_back("Y=" + std::string(length - 2, 'y') + "GITHUB_ACTION=no");
  }
  environment.push_back("GITHUB_ACTION=" + std::string(300, 'n'));
  RunWorker([&] {
    ForkStep([&] { return ExecWith(environment); });
    return 0;
  });
  ASSERT_EQ(seen.execs.size(), 2u);
  EXPECT_EQ(seen.execs[1].step, "GITHUB_ACTION=" + std::string(WEIR_STEP_BYTES - 15, 'n') + "\0"s);
}

TEST_F(StepTest, AnEnvironmentWithoutEndCostsTheNameAndIsCounted) {
  std::vector<std::string> environment(2000, "X=1");
  environment.push_back("GITHUB_ACTION=__run");
  RunWorker([&] {
    ForkStep([&] { return ExecWith(environment); });
    return 0;
  });
  ASSERT_EQ(seen.execs.size(), 2u);
  EXPECT_EQ(seen.execs[1].step, "");
  EXPECT_EQ(seen.execs[1].fixed.event.step, 1u);
  EXPECT_EQ(Counter(WEIR_C_STEP_CUT), 1u);
}

}  // namespace
}  // namespace weir::lab
