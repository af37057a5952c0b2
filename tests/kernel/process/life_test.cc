// SPDX-License-Identifier: Apache-2.0
// Birth and death: forks, threads, exit statuses, reused process ids.
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "tests/kernel/process/process_fixture.h"

namespace weir::lab {
namespace {

class LifeTest : public ProcessTest {
 protected:
  // The wait(2) status that the exit record of an actor has; also checks it against the real one.
  std::uint32_t ExitCodeOf(const std::vector<std::string>& args) {
    const auto [pid, status] = RunActor(args);
    const auto exit = seen.ExitOf(pid);
    if (!exit) {
      ADD_FAILURE() << "no exit record";
      return ~0u;
    }
    EXPECT_EQ(exit->code, static_cast<std::uint32_t>(status));
    EXPECT_EQ(exit->event.exec_id, seen.ExecsOf(pid).back().fixed.event.exec_id);
    EXPECT_FALSE(Task(pid)) << "its entry outlived it";
    return exit->code;
  }
};

TEST_F(LifeTest, ExitStatusIsWhatWaitSays) {
  EXPECT_EQ(ExitCodeOf({"exit", "0"}), 0u);
  EXPECT_EQ(ExitCodeOf({"exit", "255"}), 255u << 8);
}

TEST_F(LifeTest, SignalsAreWhatWaitSays) {
  EXPECT_EQ(ExitCodeOf({"signal", std::to_string(SIGKILL)}) & 0x7f, static_cast<std::uint32_t>(SIGKILL));
  EXPECT_EQ(ExitCodeOf({"signal", std::to_string(SIGTERM)}) & 0x7f, static_cast<std::uint32_t>(SIGTERM));
  EXPECT_EQ(ExitCodeOf({"signal", std::to_string(SIGSEGV)}) & 0x7f, static_cast<std::uint32_t>(SIGSEGV));
}

TEST_F(LifeTest, AProcessEndsWithItsLastThread) {
  EXPECT_EQ(ExitCodeOf({"thread-exit", "5"}), 5u << 8);
  EXPECT_EQ(seen.exits.size(), 1u);
  EXPECT_EQ(seen.forks.size(), 0u) << "a thread is not a process";
}

TEST_F(LifeTest, ExecFromAnotherThreadIsTheProcesssExec) {
  const auto [pid, status] = RunActor({"thread-exec", "4"});
  EXPECT_EQ(status, 4 << 8);
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 3u);
  EXPECT_EQ(execs[2].fixed.parent_exec_id, execs[1].fixed.event.exec_id);
  EXPECT_EQ(execs[2].fixed.start_ns, execs[1].fixed.start_ns);
  EXPECT_EQ(seen.execs.size(), 3u);
  ASSERT_EQ(seen.exits.size(), 1u);
  EXPECT_EQ(seen.exits[0].event.tgid, static_cast<std::uint32_t>(pid));
}

TEST_F(LifeTest, AForkSharesTheImageOfItsParent) {
  const auto [pid, status] = RunActor({"fork", "20"});
  EXPECT_EQ(status, 0);
  const std::uint64_t image = seen.ExecsOf(pid).back().fixed.event.exec_id;
  ASSERT_EQ(seen.forks.size(), 20u);
  for (const weir_fork_event& fork : seen.forks) {
    EXPECT_EQ(fork.event.exec_id, image);
    EXPECT_EQ(fork.ppid, static_cast<std::uint32_t>(pid));
    const auto exit = seen.ExitOf(static_cast<pid_t>(fork.event.tgid));
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->event.exec_id, image);
    EXPECT_LE(fork.start_ns, fork.event.boot_ns);
  }
  EXPECT_EQ(UsageTasks(), 0u);
}

TEST_F(LifeTest, CountersAgreeWithTheRecords) {
  RunActor({"fork", "10"});
  RunActor({"chain", "5"});
  EXPECT_EQ(Counter(WEIR_C_EXECS), seen.execs.size());
  EXPECT_EQ(Counter(WEIR_C_FORKS), seen.forks.size());
  EXPECT_EQ(Counter(WEIR_C_EXITS), seen.exits.size());
  EXPECT_EQ(Counter(WEIR_C_EVENTS), seen.size());
}

// Entries that dead processes left behind for every id that a fork may get next.
void LeaveEntries(weir_process& skeleton, std::uint32_t scope_id) {
  weir_task stale = {};
  stale.exec_id = 4711;
  stale.start_ns = 1;
  stale.scope_id = scope_id;
  const auto self = static_cast<std::uint32_t>(::getpid());
  for (std::uint32_t pid = self + 1; pid < self + 4000; ++pid) {
    ASSERT_TRUE(MapPut(skeleton.maps.weir_tasks, pid, stale));
  }
}

TEST_F(LifeTest, AStrangerDoesNotInheritAnEntryByItsNumber) {
  LeaveEntries(skeleton(), kScope);
  auto child = Child::Fork([] { return ExecActor({"exit", "0"}); });
  ASSERT_TRUE(child);
  const pid_t pid = child->pid();
  ASSERT_TRUE(pid > ::getpid() && pid < ::getpid() + 4000) << "the id was not among the reused ones";
  EXPECT_FALSE(Task(pid));
  child->Wait();
  Take();
  EXPECT_TRUE(seen.ExecsOf(pid).empty());
  EXPECT_FALSE(seen.ExitOf(pid));
}

TEST_F(LifeTest, AChildOfTheScopeOverwritesAnEntryWithItsNumber) {
  auto parent = Child::Fork([] { return ExecActor({"fork", "5"}); });
  ASSERT_TRUE(parent);
  LeaveEntries(skeleton(), kScope + 1);
  ASSERT_TRUE(MapDelete(skeleton().maps.weir_tasks, static_cast<std::uint32_t>(parent->pid())));
  ASSERT_TRUE(cgroup().Enter(parent->pid()));
  const pid_t pid = parent->pid();
  EXPECT_EQ(parent->Wait(), 0);
  Take();
  ASSERT_EQ(seen.forks.size(), 5u);
  for (const weir_fork_event& fork : seen.forks) {
    EXPECT_EQ(fork.event.exec_id, seen.ExecsOf(pid).back().fixed.event.exec_id);
    EXPECT_NE(fork.start_ns, 1u);
  }
  EXPECT_EQ(seen.exits.size(), 6u);
}

}  // namespace
}  // namespace weir::lab
