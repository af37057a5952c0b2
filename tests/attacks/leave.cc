// SPDX-License-Identifier: Apache-2.0
// Out of the job first, and then straight at an address: who somebody is does not change by where he goes.
#include <linux/sched.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "tests/attacks/attack.h"

namespace weir::lab {
namespace {

// What the child of a fork was told.
int Forked(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return kBroken;
  return WEXITSTATUS(status);
}

int In(const Aim& aim, int namespaces) {
  if (unshare(namespaces)) return errno == EPERM || errno == ENOSPC || errno == EINVAL ? kMissing : kBroken;
  return Forked([&] { return TcpConnect(aim); });
}
int NewUserNamespace(const Aim& aim) { return In(aim, CLONE_NEWUSER); }
int NewPidNamespace(const Aim& aim) { return In(aim, CLONE_NEWPID); }
int NewCgroupNamespace(const Aim& aim) { return In(aim, CLONE_NEWCGROUP); }
int NewMountNamespace(const Aim& aim) { return In(aim, CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS); }

// Its parent is gone, its session is its own: the answer comes through a pipe.
int Daemon(const Aim& aim) {
  int ends[2];
  if (pipe(ends)) return kBroken;
  Forked([&] {
    if (fork()) _exit(0);
    setsid();
    usleep(20'000);
    const int told = TcpConnect(aim);
    return write(ends[1], &told, sizeof(told)) == sizeof(told) ? 0 : 1;
  });
  close(ends[1]);
  int told = kBroken;
  return read(ends[0], &told, sizeof(told)) == sizeof(told) ? told : kBroken;
}

int OtherCgroup(const Aim& aim) { return range->stranger().Enter() ? TcpConnect(aim) : kBroken; }

int ChildOfOneThatLeft(const Aim& aim) {
  return Forked([&] { return range->stranger().Enter() ? Forked([&] { return TcpConnect(aim); }) : kBroken; });
}

int CloneIntoCgroup(const Aim& aim) {
  clone_args arguments{};
  arguments.flags = CLONE_INTO_CGROUP;
  arguments.exit_signal = SIGCHLD;
  arguments.cgroup = static_cast<__u64>(range->stranger().fd());
  const auto child = static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof(arguments)));
  if (child == 0) _exit(TcpConnect(aim));
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return kBroken;
  return WEXITSTATUS(status);
}

// A job that makes itself a cgroup below its own.
int ChildCgroup(const Aim& aim) {
  std::ifstream file("/proc/self/cgroup");
  const std::string mine((std::istreambuf_iterator<char>(file)), {});
  const TempCgroup& blocked = range->Job(Range::kBlocked);
  const bool is_blocked = mine.find(blocked.path().substr(blocked.path().rfind("/jobs/")) + "\n") != std::string::npos;
  auto below = (is_blocked ? blocked : range->Job(Range::kAudited)).CreateChild("below");
  if (!below || !below->Enter()) return kBroken;
  const int told = TcpConnect(aim);
  return range->stranger().Enter() ? told : kBroken;  // so that it can be removed
}

}  // namespace

std::vector<Attack> LeaveAttacks() {
  return {
      {"NewUserNamespace", NewUserNamespace, kEvil, 443, kMayBeMissing},
      {"NewPidNamespace", NewPidNamespace, kEvil},
      {"NewCgroupNamespace", NewCgroupNamespace, kEvil},
      {"NewMountNamespace", NewMountNamespace, kEvil},
      {"Daemon", Daemon, kEvil},
      {"OtherCgroup", OtherCgroup, kEvil},
      {"ChildOfOneThatLeft", ChildOfOneThatLeft, kEvil},
      {"CloneIntoCgroup", CloneIntoCgroup, kEvil},
      {"ChildCgroup", ChildCgroup, kEvil},
  };
}

}  // namespace weir::lab
