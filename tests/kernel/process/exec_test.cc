// SPDX-License-Identifier: Apache-2.0
// What an exec record says: arguments, identifiers, chain of images.
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "tests/kernel/process/process_fixture.h"

namespace weir::lab {
namespace {

using namespace std::string_literals;

class ExecTest : public ProcessTest {};

TEST_F(ExecTest, RecordsWhoRanWhat) {
  const auto [pid, status] = Run([] {
    if (::chdir("/proc/self/task") != 0 || ::setgid(65534) != 0 || ::setuid(65533) != 0) return 125;
    return ExecActor({"exit", "3"});
  });
  EXPECT_EQ(status, 3 << 8);

  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);  // the entry into the scope, then the exec
  const Exec& exec = execs[1];
  EXPECT_EQ(exec.args, "actor\0exit\0"s + "3\0"s);
  EXPECT_EQ(exec.fixed.args_full_len, exec.args.size());
  EXPECT_EQ(exec.path, ActorPath());
  EXPECT_EQ(exec.cwd, "/proc/" + std::to_string(pid) + "/task");
  EXPECT_EQ(exec.fixed.flags, HomeFlags());
  EXPECT_EQ(exec.fixed.uid, 65533u);
  EXPECT_EQ(exec.fixed.gid, 65534u);
  EXPECT_EQ(exec.fixed.ppid, static_cast<std::uint32_t>(::getpid()));
  EXPECT_EQ(exec.fixed.cgroup_id, cgroup().id());
  EXPECT_STREQ(reinterpret_cast<const char*>(exec.fixed.comm), "process-actor");
  EXPECT_EQ(exec.fixed.parent_exec_id, execs[0].fixed.event.exec_id);
  EXPECT_EQ(exec.fixed.start_ns, execs[0].fixed.start_ns);
  EXPECT_NE(exec.fixed.event.exec_id, execs[0].fixed.event.exec_id);
  EXPECT_LT(exec.fixed.start_ns, exec.fixed.event.boot_ns);
}

TEST_F(ExecTest, EachExecOfAProcessIsAnImageWithTheLastOneAsParent) {
  const auto [pid, status] = RunActor({"chain", "50"});
  EXPECT_EQ(status, 0);
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 52u);
  std::set<std::uint64_t> ids;
  for (std::size_t i = 0; i < execs.size(); ++i) {
    EXPECT_TRUE(ids.insert(execs[i].fixed.event.exec_id).second) << "exec_id given twice";
    if (i > 0) {
      EXPECT_EQ(execs[i].fixed.parent_exec_id, execs[i - 1].fixed.event.exec_id) << "image " << i;
    }
  }
}

TEST_F(ExecTest, AChainOf200ProcessesIsOnePathToTheRoot) {
  const auto [pid, status] = RunActor({"deep", "200"});
  EXPECT_EQ(status, 0);
  ASSERT_EQ(seen.execs.size(), 202u);
  EXPECT_EQ(seen.forks.size(), 200u);
  EXPECT_EQ(seen.exits.size(), 201u);
  for (std::size_t i = 1; i < seen.execs.size(); ++i) {
    EXPECT_EQ(seen.execs[i].fixed.parent_exec_id, seen.execs[i - 1].fixed.event.exec_id) << "level " << i;
    if (i > 1) {
      EXPECT_EQ(seen.execs[i].fixed.ppid, seen.execs[i - 1].fixed.event.tgid) << "level " << i;
    }
  }
}

TEST_F(ExecTest, ArgumentsOfAMegabyteAreCutAndTheirLengthIsKept) {
  constexpr std::size_t kPiece = 100'000;  // one argument: at most 128 KiB, execve(2)
  std::vector<std::string> args = {"exit", "0"};
  for (int i = 0; i < 10; ++i) args.emplace_back(kPiece, static_cast<char>('a' + i));
  const auto [pid, status] = RunActor(args);
  EXPECT_EQ(status, 0);
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);
  EXPECT_EQ(execs[1].fixed.args_full_len, 6u + 5 + 2 + 10 * (kPiece + 1));
  EXPECT_EQ(execs[1].args, "actor\0exit\0"s + "0\0"s + std::string(WEIR_ARGS_BYTES - 13, 'a'));
  EXPECT_EQ(execs[1].fixed.flags, WEIR_X_ARGS_CUT | HomeFlags());
  EXPECT_EQ(Counter(WEIR_C_ARGS_CUT), 2u) << "this one, and the entry's, which its mover could not read";
}

TEST_F(ExecTest, ArgumentsOfExactlyTheLimitAreWhole) {
  const auto [pid, status] = RunActor({"exit", "0", std::string(WEIR_ARGS_BYTES - 14, 'x')});
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);
  EXPECT_EQ(execs[1].args.size(), WEIR_ARGS_BYTES);
  EXPECT_EQ(execs[1].fixed.flags, HomeFlags());
}

TEST_F(ExecTest, HostileArgumentsAreKeptAsBytes) {
  const std::string hostile = "\x1b[2J\n::error::x\r\xff\xfe\xe2\x80\xae";
  const auto [pid, status] = RunActor({"exit", "0", hostile, "", "last"});
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);
  EXPECT_EQ(execs[1].args, "actor\0exit\0"s + "0\0"s + hostile + "\0\0last\0"s);
}

TEST_F(ExecTest, NoArgumentsAtAll) {
  const auto [pid, status] = Run([] {
    char* const none[] = {nullptr};
    ::execv(ActorPath().c_str(), none);
    return 126;
  });
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);
  // From 5.18 on the kernel gives such a process one empty argument (fs/exec.c).
  EXPECT_LE(execs[1].args.size(), 1u);
  EXPECT_EQ(execs[1].fixed.flags, HomeFlags());
}

TEST_F(ExecTest, AFailedExecIsNone) {
  const auto [pid, status] = Run([] { return ExecActor({"exit", "0"}, "/nonexistent"); });
  EXPECT_EQ(status, 126 << 8);
  EXPECT_EQ(seen.ExecsOf(pid).size(), 1u);
}

TEST_F(ExecTest, ExecutableListsAreJoinedByFileAndByName) {
  struct stat info = {};
  ASSERT_EQ(::stat(ActorPath().c_str(), &info), 0);
  const auto [pid, status] = RunActor({"exit", "0"});
  const auto execs = seen.ExecsOf(pid);
  ASSERT_EQ(execs.size(), 2u);
  EXPECT_EQ(execs[1].fixed.inode, info.st_ino);

  weir_proc_key file = {};
  file.dev = execs[1].fixed.dev;
  file.inode = info.st_ino;
  file.scope_id = kScope;
  ASSERT_TRUE(MapPut(skeleton().maps.weir_procs, file, std::uint64_t{1} << 3));
  weir_proc_name_key name = {};
  name.scope_id = kScope;
  std::strcpy(reinterpret_cast<char*>(name.name), "process-actor");
  ASSERT_TRUE(MapPut(skeleton().maps.weir_pnames, name, std::uint64_t{1} << 40));

  const auto mask_of_running_actor = [&] {
    seen = {};
    auto child = Child::RunIn(cgroup(), [] { return ExecActor({"pause"}); });
    EXPECT_TRUE(child);
    EXPECT_TRUE(TakeUntil([&](const Seen& s) { return s.ExecsOf(child->pid()).size() == 2; }));
    const auto task = Task(child->pid());
    return task ? task->proc_mask : ~0ull;
  };
  EXPECT_EQ(mask_of_running_actor(), 0u) << "the scope has no such rules";
  SetScope(WEIR_S_PROCESS);
  EXPECT_EQ(mask_of_running_actor(), 1ull << 3 | 1ull << 40);
  ASSERT_TRUE(MapDelete(skeleton().maps.weir_procs, file));
  EXPECT_EQ(mask_of_running_actor(), 1ull << 40);
}

}  // namespace
}  // namespace weir::lab
