// SPDX-License-Identifier: Apache-2.0
// What a job does to processes of others: the sensor, the runner, anybody outside.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "tests/kernel/guard/guard_case.h"

namespace weir::lab {
namespace {

// A process outside every scope that waits for its end.
class GuardTasks : public GuardCase {
 protected:
  void SetUp() override {
    GuardCase::SetUp();
    auto child = Child::Fork([] {
      signal(SIGUSR1, SIG_IGN);
      prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
      for (;;) pause();
      return 0;
    });
    ASSERT_TRUE(child);
    target_ = std::make_unique<Child>(std::move(*child));
    target_->Go();
    usleep(50'000);  // until it ignores the signal
  }
  void TearDown() override {
    EXPECT_EQ(kill(pid(), 0), 0) << "it did not survive";
    // Not every case protects it.
    static_cast<void>(MapDelete(world().map("weir_protected"), static_cast<std::uint32_t>(pid())));
  }
  [[nodiscard]] pid_t pid() const { return target_->pid(); }
  [[nodiscard]] std::uint64_t value() const { return static_cast<std::uint64_t>(pid()); }
  void Protect(std::uint32_t who) { ASSERT_TRUE(world().Protect(pid(), who)); }

  std::unique_ptr<Child> target_;
};

long PidfdOpen(pid_t pid) { return syscall(SYS_pidfd_open, pid, 0); }

TEST_F(GuardTasks, RefusesSignals) {
  Protect(WEIR_P_SENSOR);
  Holds(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(kill(pid(), SIGUSR1)); });
}

TEST_F(GuardTasks, RefusesSignalsByThreadQueueAndPidfd) {
  Protect(WEIR_P_RUNNER);
  Holds(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(syscall(SYS_tgkill, pid(), pid(), SIGUSR1)); });
  Holds(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(sigqueue(pid(), SIGUSR1, {})); });
  Holds(WEIR_G_SIGNAL, value(), [this] {
    const Fd pidfd(static_cast<int>(PidfdOpen(pid())));
    return ErrnoOf(syscall(SYS_pidfd_send_signal, pidfd.get(), SIGUSR1, nullptr, 0));
  });
  Refuses(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(kill(pid(), SIGKILL)); });
}

// Not an error for the job: the kernel drops the signal where nobody waits for an answer. TearDown sees who survived.
TEST_F(GuardTasks, SendsNoSignalOfADescriptor) {
  Protect(WEIR_P_SENSOR);
  EXPECT_EQ(world().InJob([this] {
    int ends[2];
    if (pipe(ends) || fcntl(ends[0], F_SETOWN, pid()) || fcntl(ends[0], F_SETSIG, SIGKILL) ||
        fcntl(ends[0], F_SETFL, O_ASYNC))
      return errno;
    return ErrnoOf(write(ends[1], "x", 1));
  }),
            0);
  usleep(50'000);
  EXPECT_EQ(waitpid(pid(), nullptr, WNOHANG), 0);
  EXPECT_EQ(world().Denied(WEIR_G_SIGNAL), 1u);
}

TEST_F(GuardTasks, RefusesLimitsAndPriorities) {
  Protect(WEIR_P_SENSOR);
  Holds(WEIR_G_SIGNAL, value(), [this] {
    const rlimit limit{512, 512};
    return ErrnoOf(prlimit(pid(), RLIMIT_NOFILE, &limit, nullptr));
  });
  Holds(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(setpriority(PRIO_PROCESS, static_cast<id_t>(pid()), 5)); });
  Holds(WEIR_G_SIGNAL, value(), [this] {
    const sched_param param{};
    return ErrnoOf(sched_setscheduler(pid(), SCHED_BATCH, &param));
  });
  Holds(WEIR_G_SIGNAL, value(), [this] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return ErrnoOf(sched_setaffinity(pid(), sizeof(set), &set));
  });
  Holds(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(syscall(SYS_ioprio_set, 1, pid(), 2 << 13 | 4)); });
}

TEST_F(GuardTasks, AStaleEntryProtectsNobody) {
  ASSERT_TRUE(MapPut(world().map("weir_protected"), static_cast<std::uint32_t>(pid()),
                     weir_protected{WEIR_TICK_NS, WEIR_P_SENSOR, 0}));
  Passes([this] { return ErrnoOf(kill(pid(), SIGUSR1)); });
  ASSERT_TRUE(
      MapPut(world().map("weir_protected"), static_cast<std::uint32_t>(pid()), weir_protected{0, WEIR_P_SENSOR, 0}));
  Refuses(WEIR_G_SIGNAL, value(), [this] { return ErrnoOf(kill(pid(), SIGUSR1)); });
}

int ReadMemory(pid_t pid, void* from) {
  char byte = 0;
  const iovec local{&byte, 1}, remote{from, 1};
  return ErrnoOf(process_vm_readv(pid, &local, 1, &remote, 1, 0));
}

TEST_F(GuardTasks, RefusesTheRunnersMemory) {
  Protect(WEIR_P_RUNNER);
  const std::string proc = "/proc/" + std::to_string(pid()) + "/";
  static char byte = 'x';
  Holds(WEIR_G_RUNNER_MEMORY, value(), [this] { return ReadMemory(pid(), &byte); });
  // The kernel calls it EACCES there.
  Holds(
      WEIR_G_RUNNER_MEMORY, value(), [&] { return TryOpen(proc + "environ", O_RDONLY); }, EACCES);
  Holds(
      WEIR_G_RUNNER_MEMORY, value(), [&] { return TryOpen(proc + "maps", O_RDONLY); }, EACCES);
  Holds(
      WEIR_G_RUNNER_MEMORY, value(), [&] { return TryOpen(proc + "mem", O_RDONLY); }, EACCES);
  Holds(WEIR_G_RUNNER_MEMORY, value(), [this] {
    const Fd pidfd(static_cast<int>(PidfdOpen(pid())));
    return ErrnoOf(syscall(SYS_pidfd_getfd, pidfd.get(), 0, 0));
  });
  Holds(WEIR_G_RUNNER_MEMORY, value(), [this] { return ErrnoOf(ptrace(PTRACE_SEIZE, pid(), nullptr, nullptr)); });
  Holds(
      WEIR_G_RUNNER_MEMORY, value(), [&] { return TryOpen(proc + "task/" + std::to_string(pid()) + "/mem", O_RDONLY); },
      EACCES);
}

TEST_F(GuardTasks, RefusesTheSensorsMemoryAndDescriptors) {
  Protect(WEIR_P_SENSOR);
  static char byte = 'x';
  Holds(WEIR_G_PTRACE, value(), [this] { return ReadMemory(pid(), &byte); });
  Holds(WEIR_G_PTRACE, value(), [this] {
    const Fd pidfd(static_cast<int>(PidfdOpen(pid())));
    return ErrnoOf(syscall(SYS_pidfd_getfd, pidfd.get(), 0, 0));
  });
}

TEST_F(GuardTasks, RefusesToTraceAnybodyOutside) {
  Holds(WEIR_G_PTRACE, value(), [this] { return ErrnoOf(ptrace(PTRACE_SEIZE, pid(), nullptr, nullptr)); });
  Passes([this] { return TryOpen("/proc/" + std::to_string(pid()) + "/maps", O_RDONLY); });
}

TEST_F(GuardTasks, LetsAJobLookAtProcesses) {
  Protect(WEIR_P_RUNNER);
  Passes([this] {
    const std::string proc = "/proc/" + std::to_string(pid()) + "/";
    for (const char* file : {"stat", "status", "cmdline"}) {
      std::ifstream in(proc + file);
      std::string line;
      if (!std::getline(in, line) && std::string(file) != "cmdline") return EIO;
    }
    return ErrnoOf(kill(pid(), 0));
  });
}

TEST_F(GuardTasks, LetsAJobTraceAndKillItsOwn) {
  Passes([] {
    const pid_t child = fork();
    if (child == 0) {
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      raise(SIGSTOP);
      _exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return ECHILD;
    if (ptrace(PTRACE_CONT, child, nullptr, nullptr)) return errno;
    waitpid(child, &status, 0);
    const pid_t other = fork();
    if (other == 0) {
      pause();
      _exit(0);
    }
    if (ptrace(PTRACE_SEIZE, other, nullptr, nullptr)) return errno;
    const rlimit limit{64, 64};
    if (prlimit(other, RLIMIT_NOFILE, &limit, nullptr) || kill(other, SIGKILL)) return errno;
    return ErrnoOf(waitpid(other, &status, 0));
  });
}

}  // namespace
}  // namespace weir::lab
