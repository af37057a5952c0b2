// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kernel/lab/cgroup.h"

namespace weir::lab {

Result<Child> Child::Fork(std::function<int()> body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe", errno);
  Fd read_end(ends[0]), write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return FailErrno("fork", errno);
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    write_end.Reset();
    char go = 0;
    if (::read(read_end.get(), &go, 1) != 1) ::_exit(125);  // the test gave up
    ::_exit(body());
  }
  return Child(pid, std::move(write_end));
}

Result<Child> Child::RunIn(const TempCgroup& cgroup, std::function<int()> body) {
  auto child = Fork(std::move(body));
  if (!child) return child;
  WEIR_TRY(cgroup.Enter(child->pid()));
  child->Go();
  return child;
}

void Child::Go() {
  if (!gate_) return;
  if (::write(gate_.get(), "g", 1) != 1) ::kill(pid_, SIGKILL);
  gate_.Reset();
}

int Child::Wait() {
  Go();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return status;
}

Child::~Child() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace weir::lab
