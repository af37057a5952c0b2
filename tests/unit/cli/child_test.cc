// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

namespace weir::cli {
namespace {

// As `weir run` does it, in a process of its own, whose exit status is what weir's would be. `meanwhile` runs in the
// test once the command has written a byte to descriptor 3.
template <typename Meanwhile>
int RunAlone(
    const std::vector<std::string>& command, Meanwhile meanwhile, void (*prepare)() = [] {}) {
  std::array<int, 2> ready{};
  EXPECT_EQ(pipe(ready.data()), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ready[1], 3);
    prepare();
    auto child = Child::Fork(command);
    if (!child || !child->TakeSignals()) _exit(200);
    const auto failure = child->Release();
    if (!failure) _exit(201);
    const auto status = child->Wait();
    _exit(status ? *status : 202);
  }
  close(ready[1]);
  char byte = 0;
  (void)!read(ready[0], &byte, 1);
  meanwhile(pid);
  int status = 0;
  waitpid(pid, &status, 0);
  close(ready[0]);
  return ShellStatus(status);
}

int RunAlone(const std::vector<std::string>& command) {
  return RunAlone(command, [](pid_t) {});
}

std::vector<std::string> Shell(const std::string& script) { return {"bash", "-c", script}; }

TEST(Child, ExitsAsTheCommandDoes) {
  EXPECT_EQ(RunAlone({"true"}), 0);
  EXPECT_EQ(RunAlone(Shell("exit 42")), 42);
  EXPECT_EQ(RunAlone(Shell("kill -TERM $$")), 143);
  EXPECT_EQ(RunAlone(Shell("kill -KILL $$")), 137);
}

TEST(Child, ThatCannotBeExecutedEndsAsInAShell) {
  EXPECT_EQ(RunAlone({"no-such-command-anywhere"}), 127);
  EXPECT_EQ(RunAlone({"/etc/passwd"}), 126);
  EXPECT_EQ(RunAlone({"/"}), 126);
}

class Forwarded : public testing::TestWithParam<int> {};
TEST_P(Forwarded, FromOtherProcesses) {
  const int signal = GetParam();
  const std::string script = "trap 'exit 7' " + std::to_string(signal) + "; echo >&3; while :; do sleep 0.05; done";
  EXPECT_EQ(RunAlone(Shell(script), [signal](pid_t pid) { kill(pid, signal); }), 7);
}
INSTANTIATE_TEST_SUITE_P(All, Forwarded, testing::Values(SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2));

TEST(Child, EndedByAForwardedSignalHasItsStatus) {
  EXPECT_EQ(RunAlone(Shell("echo >&3; exec sleep 30"), [](pid_t pid) { kill(pid, SIGTERM); }), 143);
}

TEST(Child, InheritsTheCallersMaskAndDispositions) {
  const auto prepare = [] {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal(SIGHUP, SIG_IGN);   // as nohup does
    signal(SIGCHLD, SIG_IGN);  // and yet the status is known
  };
  // SigBlk and SigIgn are masks of 1 << (signal - 1); SIGCHLD 17, SIGHUP 1, SIGUSR1 10.
  const char* script =
      "blk=0; ign=0; while read -r k v; do case $k in SigBlk:) blk=$((16#$v));; SigIgn:) ign=$((16#$v));; esac; done "
      "< /proc/self/status; ((blk == 1 << 9 && (ign & 1) == 1 && (ign & 1 << 12) == 0)) && exit 9";
  EXPECT_EQ(RunAlone(
                Shell(std::string("exec bash -c '") + script + "'"), [](pid_t) {}, prepare),
            9);
}

TEST(Child, HasTheCallersDescriptorsAndNoneOfOurs) {
  // 3 is the test's; whatever the caller had else is closed by prepare, so only 0 to 3 and the listing's own are left.
  const auto prepare = [] { closefrom(4); };
  EXPECT_EQ(RunAlone(
                Shell("cd /proc/self/fd; for f in *; do ((f <= 3)) || [[ ! -e $f ]] || exit 5; done; "
                      "[[ -e 3 ]] && exit 6"),
                [](pid_t) {}, prepare),
            6);
}

TEST(Child, StaysInTheCallersProcessGroup) {
  const pid_t group = getpgrp();
  EXPECT_EQ(RunAlone(Shell("read -r _ _ _ _ group _ < /proc/self/stat; ((group == " + std::to_string(group) +
                           ")) && exit 4")),
            4);
}

TEST(Child, NeverRunsWhenItIsNotReleased) {
  const std::string path = testing::TempDir() + "weir-child-test-" + std::to_string(getpid());
  pid_t pid = 0;
  {
    auto child = Child::Fork({"touch", path});
    ASSERT_TRUE(child) << child.error().what;
    pid = child->pid();
    EXPECT_FALSE(child->EndedAlready());
  }
  EXPECT_EQ(kill(pid, 0), -1) << "it was reaped";
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(Child, EndedWhileWaitingIsKnown) {
  auto child = Child::Fork({"true"});
  ASSERT_TRUE(child);
  kill(child->pid(), SIGINT);
  std::optional<int> status;
  for (int i = 0; i < 200 && !status; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    status = child->EndedAlready();
  }
  EXPECT_EQ(status, 130);
}

TEST(Child, NeedsACommand) {
  EXPECT_EQ(Child::Fork({}).error().code, Code::kInvalid);
  EXPECT_EQ(Child::Fork({""}).error().code, Code::kInvalid);
}

TEST(ShouldForward, OnlyWhatTheCommandDoesNotHaveAlready) {
  EXPECT_TRUE(ShouldForward(SI_USER, 5, 7));
  EXPECT_TRUE(ShouldForward(SI_QUEUE, 0, 7));
  EXPECT_TRUE(ShouldForward(SI_TKILL, 5, 7));
  EXPECT_FALSE(ShouldForward(SI_KERNEL, 0, 7)) << "from the terminal: its process group has it";
  EXPECT_FALSE(ShouldForward(SI_USER, 7, 7)) << "from the command";
}

TEST(ShellStatus, MapsWaitStatuses) {
  EXPECT_EQ(ShellStatus(0), 0);
  EXPECT_EQ(ShellStatus(42 << 8), 42);
  EXPECT_EQ(ShellStatus(SIGKILL), 137);
  EXPECT_EQ(ShellStatus(SIGSEGV | 0x80), 139) << "with a core dump";
  EXPECT_EQ(ShellStatusOfExecFailure(ENOENT), 127);
  EXPECT_EQ(ShellStatusOfExecFailure(EACCES), 126);
}

}  // namespace
}  // namespace weir::cli
