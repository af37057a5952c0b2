// SPDX-License-Identifier: Apache-2.0
// Who is in a scope: entering by each way, leaving, strangers, the sensor's probe.
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "tests/kernel/process/process_fixture.h"

namespace weir::lab {
namespace {

class ScopeTest : public ProcessTest {};

// fork(2) with CLONE_INTO_CGROUP.
pid_t CloneInto(int cgroup_fd) {
  clone_args args = {};
  args.flags = CLONE_INTO_CGROUP;
  args.exit_signal = SIGCHLD;
  args.cgroup = static_cast<__u64>(cgroup_fd);
  return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
}

TEST_F(ScopeTest, EnteringGivesTheTreeARoot) {
  auto child = Child::RunIn(cgroup(), [] { return ::pause(); });
  ASSERT_TRUE(child);
  Take();
  ASSERT_EQ(seen.execs.size(), 1u);
  const Exec& root = seen.execs[0];
  EXPECT_EQ(root.fixed.event.tgid, static_cast<std::uint32_t>(child->pid()));
  EXPECT_TRUE(root.fixed.flags & WEIR_X_ENTERED);
  EXPECT_NE(root.fixed.event.exec_id, 0u);
  EXPECT_EQ(root.fixed.parent_exec_id, 0u);
  EXPECT_EQ(root.fixed.ppid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(root.fixed.cgroup_id, cgroup().id());
  EXPECT_TRUE(root.path.ends_with("/process_test")) << root.path;
  EXPECT_TRUE(root.fixed.flags & WEIR_X_ARGS_CUT) << "who moved it cannot read its memory";
  EXPECT_NE(root.fixed.args_full_len, 0u);
  const auto task = Task(child->pid());
  ASSERT_TRUE(task);
  EXPECT_EQ(task->scope_id, kScope);
  EXPECT_EQ(task->exec_id, root.fixed.event.exec_id);
  EXPECT_EQ(UsageTasks(), 1u);
}

TEST_F(ScopeTest, AProcessThatMovesItselfShowsItsArguments) {
  auto child = Child::Fork([&] { return cgroup().Enter() ? 0 : 1; });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->Wait(), 0);
  Take();
  ASSERT_EQ(seen.execs.size(), 1u);
  EXPECT_EQ(seen.execs[0].fixed.flags, WEIR_X_ENTERED | HomeFlags());
  EXPECT_NE(seen.execs[0].args.find("process_test"), std::string::npos);
}

TEST_F(ScopeTest, AChildCgroupBelongsToTheScope) {
  const auto below = cgroup().CreateChild("container");
  ASSERT_TRUE(below);
  const auto deeper = below->CreateChild("process");
  ASSERT_TRUE(deeper);
  auto child = Child::RunIn(*deeper, [] { return ExecActor({"exit", "0"}); });
  ASSERT_TRUE(child);
  const pid_t pid = child->pid();
  EXPECT_EQ(child->Wait(), 0);
  Take();
  ASSERT_EQ(seen.ExecsOf(pid).size(), 2u);
  EXPECT_EQ(seen.ExecsOf(pid)[1].fixed.cgroup_id, deeper->id());
  EXPECT_TRUE(seen.findings.empty());
}

TEST_F(ScopeTest, AProcessBornInTheCgroupEnters) {
  const pid_t pid = CloneInto(cgroup().fd());
  if (pid == 0) ::_exit(ExecActor({"exit", "0"}));
  ASSERT_GT(pid, 0) << std::strerror(errno);
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  Take();
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);
  EXPECT_EQ(execs[0].fixed.flags, WEIR_X_ENTERED | HomeFlags());
  EXPECT_NE(execs[0].args.find("process_test"), std::string::npos);
  EXPECT_TRUE(seen.ExitOf(pid));
}

TEST_F(ScopeTest, WritingAMembersIdAgainTakesInWhoWasThereFirst) {
  const auto late = TempCgroup::Create("weir-process-late");
  ASSERT_TRUE(late);
  auto child = Child::RunIn(*late, [] { return ::pause(); });
  ASSERT_TRUE(child);
  ASSERT_TRUE(MapPut(skeleton().maps.weir_cgroups, late->id(), kScope));
  EXPECT_FALSE(Task(child->pid()));
  ASSERT_TRUE(late->Enter(child->pid()));
  EXPECT_TRUE(Task(child->pid()));
}

TEST_F(ScopeTest, AThreadBringsItsProcess) {
  const auto domain = TempCgroup::Create("weir-process-domain");
  ASSERT_TRUE(domain);
  const auto threaded = domain->CreateChild("threaded");
  ASSERT_TRUE(threaded);
  ASSERT_TRUE(std::ofstream(threaded->path() + "/cgroup.type") << "threaded" << std::flush);
  ASSERT_TRUE(MapPut(skeleton().maps.weir_cgroups, threaded->id(), kScope));
  auto child = Child::RunIn(*domain, [&] {
    std::thread([&] { std::ofstream(threaded->path() + "/cgroup.threads") << ::gettid() << std::flush; }).join();
    return ExecActor({"exit", "0"});
  });
  ASSERT_TRUE(child);
  const pid_t pid = child->pid();
  EXPECT_EQ(child->Wait(), 0);
  Take();
  ASSERT_EQ(seen.ExecsOf(pid).size(), 2u);
  EXPECT_TRUE(seen.ExitOf(pid));
}

TEST_F(ScopeTest, LeavingIsAFindingOnceAndChangesNothing) {
  const auto outside = TempCgroup::Create("weir-process-outside");
  ASSERT_TRUE(outside);
  auto child = Child::Fork([] { return ExecActor({"fork", "1"}); });
  ASSERT_TRUE(child);
  const pid_t pid = child->pid();
  ASSERT_TRUE(cgroup().Enter(pid));
  Take();
  ASSERT_TRUE(outside->Enter(pid));
  ASSERT_TRUE(cgroup().Enter(pid));
  ASSERT_TRUE(outside->Enter(pid));
  Take();
  ASSERT_EQ(seen.findings.size(), 1u);
  EXPECT_EQ(seen.findings[0].finding, WEIR_F_LEFT_CGROUP);
  EXPECT_EQ(seen.findings[0].value, outside->id());
  EXPECT_EQ(seen.findings[0].event.tgid, static_cast<std::uint32_t>(pid));
  EXPECT_EQ(child->Wait(), 0);
  Take();
  EXPECT_EQ(seen.ExecsOf(pid).size(), 2u) << "its exec outside is still the scope's";
  EXPECT_EQ(seen.ExecsOf(pid).back().fixed.cgroup_id, outside->id());
  EXPECT_EQ(seen.forks.size(), 1u) << "and so are its children";
  EXPECT_EQ(seen.findings.size(), 1u);
}

TEST_F(ScopeTest, AFindingWakesTheSensorAndOtherRecordsDoNot) {
  const auto outside = TempCgroup::Create("weir-process-outside");
  ASSERT_TRUE(outside);
  auto child = Child::RunIn(cgroup(), [] { return ::pause(); });
  ASSERT_TRUE(child);
  EXPECT_FALSE(WaitForWake(std::chrono::milliseconds(50)));
  ASSERT_TRUE(outside->Enter(child->pid()));
  EXPECT_TRUE(WaitForWake(std::chrono::seconds(5)));
}

TEST_F(ScopeTest, BirthOutsideByAMemberIsAFinding) {
  const auto outside = TempCgroup::Create("weir-process-outside");
  ASSERT_TRUE(outside);
  const auto [pid, status] = Run([&] {
    const pid_t grandchild = CloneInto(outside->fd());
    if (grandchild == 0) ::_exit(0);
    return grandchild > 0 && ::waitpid(grandchild, nullptr, 0) == grandchild ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  ASSERT_EQ(seen.forks.size(), 1u);
  ASSERT_EQ(seen.findings.size(), 1u);
  EXPECT_EQ(seen.findings[0].event.tgid, seen.forks[0].event.tgid);
  EXPECT_EQ(seen.findings[0].value, outside->id());
}

TEST_F(ScopeTest, AnotherScopesCgroupDoesNotChangeIdentity) {
  const auto other = TempCgroup::Create("weir-process-other");
  ASSERT_TRUE(other);
  ASSERT_TRUE(MapPut(skeleton().maps.weir_cgroups, other->id(), kScope + 1));
  auto child = Child::RunIn(cgroup(), [] { return ::pause(); });
  ASSERT_TRUE(child);
  ASSERT_TRUE(other->Enter(child->pid()));
  const auto task = Task(child->pid());
  ASSERT_TRUE(task);
  EXPECT_EQ(task->scope_id, kScope);
  Take();
  EXPECT_EQ(seen.findings.size(), 1u);
}

// One comparison tells sockets that the kernel made elsewhere, as long as all scopes lie in one place.
TEST_F(ScopeTest, EnteringSaysWhereScopesLie) {
  const auto births = [this] { return MapGet<weir_births>(skeleton().maps.weir_births, std::uint32_t{0}).value(); };
  const auto enter = [](const TempCgroup& scope) {
    auto child = Child::RunIn(scope, [] { return 0; });
    return child && child->Wait() == 0;
  };
  const auto below = cgroup().CreateChild("below");
  ASSERT_TRUE(below);
  ASSERT_TRUE(MapPut(skeleton().maps.weir_cgroups, below->id(), kScope + 1));
  EXPECT_EQ(births().places, 0u);
  for (int i = 0; i < 2; i++) EXPECT_TRUE(enter(*below));
  EXPECT_EQ(births().cgroup_id, cgroup().id());
  EXPECT_EQ(births().places, 1u);
  EXPECT_GT(births().level, 0u);
  for (int i = 0; i < 2; i++) EXPECT_TRUE(enter(cgroup()));
  EXPECT_EQ(births().places, 2u);
}

TEST_F(ScopeTest, Version1HierarchiesAreNotLookedAt) {
  char mount_point[] = "/tmp/weir-cgroup1-XXXXXX";
  ASSERT_NE(::mkdtemp(mount_point), nullptr);
  if (::mount("none", mount_point, "cgroup", 0, "none,name=weirtest") != 0) {
    ::rmdir(mount_point);
    GTEST_SKIP() << "no cgroup v1 in this kernel";
  }
  {
    const std::string path = std::string(mount_point) + "/group";
    ASSERT_EQ(::mkdir(path.c_str(), 0755), 0);
    auto child = Child::RunIn(cgroup(), [] { return ::pause(); });
    ASSERT_TRUE(child);
    std::ofstream(path + "/cgroup.procs") << child->pid() << std::flush;
    Take();
    EXPECT_TRUE(seen.findings.empty());
    std::ofstream(std::string(mount_point) + "/cgroup.procs") << child->pid() << std::flush;
    ::rmdir(path.c_str());
  }
  ::umount(mount_point);
  ::rmdir(mount_point);
}

TEST_F(ScopeTest, StrangersLeaveNoTrace) {
  auto stranger = Child::Fork([] { return ExecActor({"deep", "3"}); });
  ASSERT_TRUE(stranger);
  EXPECT_EQ(stranger->Wait(), 0);
  EXPECT_EQ(Take().size(), 0u);
  std::uint32_t key = 0;
  EXPECT_NE(0, bpf_map__get_next_key(skeleton().maps.weir_tasks, nullptr, &key, sizeof(key))) << "tgid " << key;
}

TEST_F(ScopeTest, TheProbeEntersWithoutARecord) {
  auto probe = Child::Fork([] { return 0; });
  ASSERT_TRUE(probe);
  weir_task canary = {};
  canary.flags = WEIR_T_CANARY;
  ASSERT_TRUE(MapPut(skeleton().maps.weir_tasks, static_cast<std::uint32_t>(probe->pid()), canary));
  ASSERT_TRUE(cgroup().Enter(probe->pid()));
  const auto task = Task(probe->pid());
  ASSERT_TRUE(task);
  EXPECT_EQ(task->scope_id, kScope);
  EXPECT_EQ(task->flags, WEIR_T_CANARY);
  const pid_t pid = probe->pid();
  EXPECT_EQ(probe->Wait(), 0);
  EXPECT_FALSE(Task(pid));
  EXPECT_EQ(Take().size(), 0u);
  EXPECT_EQ(Counter(WEIR_C_EXECS) + Counter(WEIR_C_EXITS) + Counter(WEIR_C_EVENTS), 0u);
  EXPECT_EQ(UsageTasks(), 0u);
}

}  // namespace
}  // namespace weir::lab
