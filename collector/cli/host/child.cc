// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace weir::cli {
namespace {

constexpr std::array kForwarded = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

struct Pipe {
  Fd reading;
  Fd writing;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return FailErrno("making a pipe", errno);
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

// Reads exactly `size` bytes; false at the end of file.
bool ReadWhole(int fd, void* out, std::size_t size) {
  ssize_t n = 0;
  do {
    n = read(fd, out, size);
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(size);
}

// The child's side. Our descriptors all close at execve; those of the caller stay, as they would without us.
[[noreturn]] void BecomeCommand(const std::vector<char*>& argv, int go, int failure) {
  char byte = 0;
  if (!ReadWhole(go, &byte, 1)) _exit(0);  // no job: the parent says why
  execvp(argv[0], argv.data());
  const int reason = errno;
  // A write of 4 bytes to an empty pipe does not fail halfway; without it the parent sees the exit status.
  [[maybe_unused]] const ssize_t n = write(failure, &reason, sizeof reason);
  _exit(ShellStatusOfExecFailure(reason));
}

}  // namespace

int ShellStatus(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int ShellStatusOfExecFailure(int sys_errno) { return sys_errno == ENOENT ? 127 : 126; }

bool ShouldForward(int si_code, pid_t sender, pid_t command) {
  const bool from_process = si_code <= 0;  // SI_USER, SI_QUEUE, SI_TKILL; the kernel's codes are positive
  return from_process && sender != command;
}

Child::Child(pid_t pid, Fd pidfd, Fd go, Fd failure)
    : pid_(pid), pidfd_(std::move(pidfd)), go_(std::move(go)), failure_(std::move(failure)) {}

Child::~Child() {
  // Moved-from objects own no pidfd.
  if (!pidfd_ || pid_ < 0) return;
  go_.Reset();
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Child> Child::Fork(const std::vector<std::string>& command) {
  if (command.empty() || command.front().empty()) return Fail(Code::kInvalid, "there is no command to run");
  std::vector<char*> argv;
  for (const auto& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  auto go = MakePipe();
  if (!go) return tl::unexpected(go.error());
  auto failure = MakePipe();
  if (!failure) return tl::unexpected(failure.error());
  const pid_t pid = fork();
  if (pid < 0) return FailErrno("forking the command", errno);
  if (pid == 0) {
    go->writing.Reset();  // or the end of file would never come
    BecomeCommand(argv, go->reading.get(), failure->writing.get());
  }
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd) {
    const int reason = errno;
    go->writing.Reset();
    waitpid(pid, nullptr, 0);
    return FailErrno("opening a pidfd (Linux 5.3)", reason);
  }
  return Child(pid, std::move(pidfd), std::move(go->writing), std::move(failure->reading));
}

Result<> Child::TakeSignals() {
  // A caller may have left SIGCHLD ignored, and then there would be nothing to wait for.
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  sigaction(SIGCHLD, &usual, nullptr);
  struct sigaction ignored {};
  ignored.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignored, nullptr);  // a closed standard error must not end the job's keeper
  sigaction(SIGTTOU, &ignored, nullptr);  // nor a command that still holds the terminal
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kForwarded) sigaddset(&set, signal);
  if (const int error = pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return FailErrno("blocking signals", error);
  }
  signals_.Reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return FailErrno("opening a signalfd", errno);
  return {};
}

Result<int> Child::Release() {
  const char byte = 1;
  if (write(go_.get(), &byte, 1) != 1 && errno != EPIPE) return FailErrno("starting the command", errno);
  int reason = 0;
  return ReadWhole(failure_.get(), &reason, sizeof reason) ? reason : 0;
}

std::optional<int> Child::EndedAlready() {
  int status = 0;
  if (pid_ < 0 || waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return ShellStatus(status);
}

Result<int> Child::Wait() {
  for (;;) {
    std::array<pollfd, 2> waits{pollfd{pidfd_.get(), POLLIN, 0}, pollfd{signals_.get(), POLLIN, 0}};
    if (poll(waits.data(), signals_ ? 2 : 1, -1) < 0 && errno != EINTR)
      return FailErrno("waiting for the command", errno);
    signalfd_siginfo signal{};
    while (signals_ && read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
      if (!ShouldForward(signal.ssi_code, static_cast<pid_t>(signal.ssi_pid), pid_)) continue;
      // By pidfd: the process may be gone, and its number another's.
      syscall(SYS_pidfd_send_signal, pidfd_.get(), static_cast<int>(signal.ssi_signo), nullptr, 0);
    }
    if (const auto status = EndedAlready()) return *status;
    // It has ended and cannot be waited for: better to say so than to spin.
    if ((waits[0].revents & POLLIN) != 0) return Fail(Code::kInternal, "the command's exit status was lost");
  }
}

}  // namespace weir::cli
