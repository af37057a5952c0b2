// SPDX-License-Identifier: Apache-2.0
// What happens when something is full: records are counted, identity is not lost.
#include <unistd.h>

#include <string>

#include "tests/kernel/process/process_fixture.h"

namespace weir::lab {
namespace {

class FullRingTest : public ProcessTest {
 protected:
  void SetUp() override {
    Start([](weir_process& skeleton) { bpf_map__set_max_entries(skeleton.maps.weir_events, 4096); });
  }
};

TEST_F(FullRingTest, LostRecordsAreCountedExactlyByKind) {
  auto child = Child::RunIn(cgroup(), [] { return ExecActor({"fork", "300"}); });
  ASSERT_TRUE(child);
  EXPECT_EQ(child->Wait(), 0);
  Take();
  EXPECT_EQ(Counter(WEIR_C_EXECS), 2u);
  EXPECT_EQ(Counter(WEIR_C_FORKS), 300u);
  EXPECT_EQ(Counter(WEIR_C_EXITS), 301u);
  EXPECT_GT(Counter(WEIR_C_LOST_FORK), 0u);
  EXPECT_EQ(Counter(WEIR_C_LOST_EXEC) + seen.execs.size(), 2u);
  EXPECT_EQ(Counter(WEIR_C_LOST_FORK) + seen.forks.size(), 300u);
  EXPECT_EQ(Counter(WEIR_C_LOST_EXIT) + seen.exits.size(), 301u);
  EXPECT_EQ(Counter(WEIR_C_EVENTS), seen.size());
  EXPECT_EQ(UsageTasks(), 0u);
}

TEST_F(FullRingTest, ALostExecStillChangesTheIdentity) {
  auto child = Child::RunIn(cgroup(), [] {
    for (int i = 0; i < 100; ++i) {
      if (const pid_t filler = ::fork(); filler == 0) ::_exit(0);
    }
    return ExecActor({"pause"});
  });
  ASSERT_TRUE(child);
  const auto entered = Task(child->pid());
  ASSERT_TRUE(entered);
  for (int tries = 0; tries < 6000 && Counter(WEIR_C_EXECS) < 2; ++tries) ::usleep(5'000);
  EXPECT_EQ(Counter(WEIR_C_LOST_EXEC), 1u);
  const auto now = Task(child->pid());
  ASSERT_TRUE(now);
  EXPECT_NE(now->exec_id, entered->exec_id);
  EXPECT_EQ(now->parent_exec_id, entered->exec_id);
}

class FullTableTest : public ProcessTest {
 protected:
  void UseShare(std::uint64_t tasks) {
    weir_usage usage = {};
    usage.tasks = tasks;
    ASSERT_TRUE(MapPut(skeleton().maps.weir_usage, kScope, usage));
  }
  std::uint64_t Untracked() {
    const auto count = MapGet<std::uint64_t>(skeleton().maps.weir_untracked, std::uint32_t{0});
    return count ? *count : ~0ull;
  }
};

TEST_F(FullTableTest, AnUntrackedTaskIsCountedAndHasAStandIn) {
  EXPECT_FALSE(MapGet<weir_task>(skeleton().maps.weir_stand_ins, kScope));
  UseShare(WEIR_MAX_SCOPE_TASKS);
  auto child = Child::RunIn(cgroup(), [] { return ::pause(); });
  ASSERT_TRUE(child);
  EXPECT_FALSE(Task(child->pid()));
  EXPECT_EQ(Counter(WEIR_C_TASKS_FULL), 1u);
  EXPECT_EQ(Untracked(), 1u);
  const auto stand_in = MapGet<weir_task>(skeleton().maps.weir_stand_ins, kScope);
  ASSERT_TRUE(stand_in) << stand_in.error().what;
  EXPECT_EQ(stand_in->scope_id, kScope);
  EXPECT_EQ(stand_in->proc_mask, 0u);
  EXPECT_EQ(Take().size(), 0u);
}

TEST_F(FullTableTest, TheShareIsTheScopesOwn) {
  UseShare(WEIR_MAX_SCOPE_TASKS);
  const auto other = TempCgroup::Create("weir-process-other");
  ASSERT_TRUE(other);
  ASSERT_TRUE(MapPut(skeleton().maps.weir_cgroups, other->id(), kScope + 1));
  ASSERT_TRUE(MapPut(skeleton().maps.weir_usage, kScope + 1, weir_usage{}));
  auto child = Child::RunIn(*other, [] { return ::pause(); });
  ASSERT_TRUE(child);
  EXPECT_TRUE(Task(child->pid())) << "another job's fork storm must not cost this one its identity";
}

TEST_F(FullTableTest, AnUntrackedTaskIsTakenInAtExecWhenThereIsRoom) {
  UseShare(WEIR_MAX_SCOPE_TASKS);
  auto child = Child::Fork([] { return ExecActor({"fork", "1"}); });
  ASSERT_TRUE(child);
  ASSERT_TRUE(cgroup().Enter(child->pid()));
  EXPECT_FALSE(Task(child->pid()));
  UseShare(0);
  const pid_t pid = child->pid();
  EXPECT_EQ(child->Wait(), 0);
  Take();
  ASSERT_EQ(seen.ExecsOf(pid).size(), 1u);
  EXPECT_EQ(seen.ExecsOf(pid)[0].fixed.flags, WEIR_X_ENTERED | HomeFlags());
  EXPECT_EQ(seen.ExecsOf(pid)[0].path, ActorPath());
  EXPECT_EQ(seen.forks.size(), 1u);
}

TEST_F(FullTableTest, TheChildOfAnUntrackedTaskIsTakenInWhenThereIsRoom) {
  UseShare(WEIR_MAX_SCOPE_TASKS);
  auto child = Child::Fork([] {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::_exit(0);
    return 0;
  });
  ASSERT_TRUE(child);
  ASSERT_TRUE(cgroup().Enter(child->pid()));
  UseShare(0);
  EXPECT_EQ(child->Wait(), 0);
  ASSERT_TRUE(TakeUntil([](const Seen& s) { return s.exits.size() == 1; }));
  ASSERT_EQ(seen.execs.size(), 1u);
  EXPECT_EQ(seen.execs[0].fixed.flags, WEIR_X_ENTERED | HomeFlags());
}

TEST_F(FullTableTest, AForkBeyondTheShareIsNotTheParentsLoss) {
  auto child = Child::Fork([] { return ExecActor({"fork", "3"}); });
  ASSERT_TRUE(child);
  ASSERT_TRUE(cgroup().Enter(child->pid()));
  UseShare(WEIR_MAX_SCOPE_TASKS);
  const pid_t pid = child->pid();
  EXPECT_EQ(child->Wait(), 0);
  Take();
  EXPECT_EQ(seen.ExecsOf(pid).size(), 2u);
  EXPECT_TRUE(seen.ExitOf(pid));
  EXPECT_EQ(Counter(WEIR_C_TASKS_FULL), 3u);
  EXPECT_EQ(seen.forks.size(), 0u);
}

}  // namespace
}  // namespace weir::lab
