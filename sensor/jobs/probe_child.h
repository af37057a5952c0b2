// SPDX-License-Identifier: Apache-2.0
// Children of the sensor that try something in a scope: canaries of jobs, and the proof of the guard.
#pragma once

#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"
#include "sensor/bpf/policy_maps.h"
#include "sensor/jobs/cgroup.h"

namespace weir::jobs {

/// Owner of a forked child and of a channel to it (SOCK_SEQPACKET: each word whole): kills and reaps it.
class ProbeChild {
 public:
  /// `body(channel)` runs in the child of a threaded process: system calls only, nothing that locks or allocates. The
  /// child exits when it returns.
  template <typename Body>
  [[nodiscard]] static Result<ProbeChild> Fork(const Body& body) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
      return FailErrno("cannot make a channel to the probe", errno);
    Fd ours(pair[0]), theirs(pair[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return FailErrno("cannot fork the probe", errno);
    if (pid == 0) {
      ::close(ours.get());
      body(theirs.get());
      ::_exit(0);
    }
    return ProbeChild(pid, std::move(ours));
  }
  ProbeChild(ProbeChild&& other) noexcept : pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}
  ProbeChild& operator=(ProbeChild&&) = delete;
  ProbeChild(const ProbeChild&) = delete;
  ProbeChild& operator=(const ProbeChild&) = delete;
  ~ProbeChild() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int channel() const { return channel_.get(); }
  void Go() const { (void)!::write(channel_.get(), "g", 1); }

 private:
  ProbeChild(pid_t pid, Fd channel) : pid_(pid), channel_(std::move(channel)) {}
  pid_t pid_;
  Fd channel_;
};

/// In the child: waits for Go(). False: the parent is gone.
[[nodiscard]] inline bool AwaitGo(int channel) {
  char go = 0;
  return ::read(channel, &go, 1) == 1;
}

/// Brings a child into the scope by the way that jobs take, marked: judged, and no record of it (WEIR_T_CANARY).
/// Returns whether the programs noticed.
[[nodiscard]] Result<bool> EnterAsCanary(const sensor_bpf::PolicyMaps& maps, const JobCgroup& cgroup, pid_t pid,
                                         std::uint32_t scope_id);

}  // namespace weir::jobs
