// SPDX-License-Identifier: Apache-2.0
// The command of `weir run`: forked first, started last.
//
// It is forked while this process has one thread and none of its own descriptors, so that it inherits exactly what the
// caller of `weir` gave: signal mask and dispositions, terminal, standard streams and further descriptors (a make job
// server's, for one). It then waits until its job exists. It stays in our process group: Ctrl-C and Ctrl-Z reach both
// of us, a pipeline stays one job of the shell, and an interactive program finds the terminal as if `weir` were not
// there. (A process group of its own would have to take the terminal from the other members of a pipeline.)
#pragma once

#include <sys/types.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::cli {

/// Shell's view of a wait(2) status: exit status, or 128 + signal.
[[nodiscard]] int ShellStatus(int wait_status);

/// What a shell returns for a command that cannot be executed: 127 when there is none, else 126.
[[nodiscard]] int ShellStatusOfExecFailure(int sys_errno);

/// Whether a signal that reached us should be passed on to the command. One from the terminal reached its whole process
/// group, so the command has it already; one that the command sent (`kill 0`) needs no echo.
[[nodiscard]] bool ShouldForward(int si_code, pid_t sender, pid_t command);

/// Owns the command's process until it was waited for. One thread uses it.
class Child {
 public:
  /// Forks a process that will execute `command` (looked up in PATH). Only while this process has one thread.
  [[nodiscard]] static Result<Child> Fork(const std::vector<std::string>& command);

  Child(Child&&) noexcept = default;
  Child& operator=(Child&&) = delete;
  /// A command that was never released ends without having run, and is reaped.
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// From here on signals that end a process wait for Wait() instead of ending us. Before other threads start, which
  /// inherit the mask.
  [[nodiscard]] Result<> TakeSignals();

  /// Starts the command. 0, or the errno of execve; then Wait() returns what a shell would.
  [[nodiscard]] Result<int> Release();

  /// The shell's status when the process has ended; it need not have been released.
  [[nodiscard]] std::optional<int> EndedAlready();

  /// Waits for the end, passes signals on meanwhile. The shell's status.
  [[nodiscard]] Result<int> Wait();

 private:
  Child(pid_t pid, Fd pidfd, Fd go, Fd failure);

  pid_t pid_ = -1;  // -1 after Wait()
  Fd pidfd_;
  Fd go_;       // a byte: execute; end of file: leave
  Fd failure_;  // errno of a failed execve; end of file: executed
  Fd signals_;
};

}  // namespace weir::cli
