// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/canary.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "bpf/abi.h"
#include "sensor/base/fd.h"
#include "sensor/jobs/job_id.h"
#include "sensor/jobs/probe_child.h"

namespace weir::jobs {
namespace {

/// What the child says, once before and once after its connect.
struct Word {
  std::int32_t stage = 0;
  std::int32_t sys_errno = 0;
};
enum Stage : std::int32_t { kReady = 1, kConnected = 2, kNoNamespace = 3, kNoSocket = 4 };

void Say(int fd, Stage stage, int sys_errno) {
  const Word word{stage, sys_errno};
  (void)!::write(fd, &word, sizeof(word));
}

// The child of a threaded process: system calls only, nothing that locks or allocates.
[[noreturn]] void Probe(int channel, int netns_fd, const sockaddr_in& to) {
  if (netns_fd >= 0 && ::setns(netns_fd, CLONE_NEWNET) != 0) {
    Say(channel, kNoNamespace, errno);
    ::_exit(1);
  }
  Say(channel, kReady, 0);
  if (!AwaitGo(channel)) ::_exit(1);
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    Say(channel, kNoSocket, errno);
    ::_exit(1);
  }
  const int failed = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 ? 0 : errno;
  Say(channel, kConnected, failed);
  ::_exit(0);
}

Result<Word> Hear(const ProbeChild& child, std::chrono::milliseconds patience) {
  pollfd waiting{child.channel(), POLLIN, 0};
  int ready = 0;
  while ((ready = ::poll(&waiting, 1, static_cast<int>(patience.count()))) < 0 && errno == EINTR) {
  }
  Word word;
  if (ready <= 0 || ::read(child.channel(), &word, sizeof(word)) != sizeof(word)) {
    return Fail(Code::kUnavailable, "the probe process did not answer");
  }
  if (word.stage == kNoNamespace) return FailErrno("the probe cannot enter the network namespace", word.sys_errno);
  return word;
}

Result<ProbeChild> Spawn(int netns_fd) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(kCanaryPort);
  ::inet_pton(AF_INET, kCanaryAddress, &to.sin_addr);
  return ProbeChild::Fork([&](int channel) { Probe(channel, netns_fd, to); });
}

const char* VerdictWord(std::uint8_t verdict) {
  switch (verdict) {
    case WEIR_ALLOW: return "allow";
    case WEIR_DENY: return "deny";
    case WEIR_WOULD_DENY: return "would-deny";
    default: return "none";
  }
}

}  // namespace

Result<bool> EnterAsCanary(const sensor_bpf::PolicyMaps& maps, const JobCgroup& cgroup, pid_t pid,
                           std::uint32_t scope_id) {
  const auto tgid = static_cast<std::uint32_t>(pid);
  weir_task marked{};
  marked.flags = WEIR_T_CANARY;  // with scope 0: entering the cgroup must give it the scope (bpf/enter.bpf.h)
  WEIR_TRY(maps.WriteTask(tgid, marked));
  WEIR_TRY(cgroup.Add(pid));
  auto task = maps.Task(tgid);
  WEIR_TRY(task);
  return *task && (*task)->scope_id == scope_id;
}

void JudgeCanary(Canary& canary) {
  canary.proven = false;
  if (!canary.reason.empty()) return;
  if (canary.verdict == 0) {
    canary.reason = "the connect programs did not judge the probe";
  } else if (canary.verdict == WEIR_ALLOW && canary.why == WEIR_WHY_NAME && canary.connect_errno != EPERM) {
    canary.proven = true;  // an allowed name has led here meanwhile
  } else if (canary.verdict != canary.expected_verdict) {
    canary.reason = std::string("the probe was judged ") + VerdictWord(canary.verdict) + ", the policy says " +
                    VerdictWord(canary.expected_verdict);
  } else if (canary.verdict == WEIR_DENY && canary.connect_errno != EPERM) {
    canary.reason = "the probe was judged deny, and its connect was not refused";
  } else if (canary.verdict != WEIR_DENY && canary.connect_errno == EPERM) {
    canary.reason = "the probe was let through, and its connect was refused: another program denies on this host";
  } else {
    canary.proven = true;
  }
}

Result<Canary> RunCanary(const sensor_bpf::PolicyMaps& maps, const JobCgroup& cgroup, const CanaryOrder& order) {
  Canary canary;
  canary.time_ns = UnixNow();
  canary.expected_verdict = order.expected_verdict;
  auto spawned = Spawn(order.netns_fd);
  WEIR_TRY(spawned);
  std::optional<ProbeChild> child(std::move(*spawned));
  WEIR_TRY(Hear(*child, order.patience));

  auto entered = EnterAsCanary(maps, cgroup, child->pid(), order.scope_id);
  WEIR_TRY(entered);
  if (!*entered) {
    canary.reason =
        "a process that enters the job's cgroup does not enter its scope: the process programs do not "
        "run, or the sensor is in a pid namespace of its own";
  }
  // What an earlier probe left must not pass for this one's.
  WEIR_TRY(maps.ForgetCanary(order.scope_id));
  const std::uint64_t since_ns = BootNow();
  child->Go();
  auto word = Hear(*child, order.patience);
  WEIR_TRY(word);
  canary.connect_errno = word->sys_errno;
  if (word->stage == kNoSocket && canary.reason.empty()) canary.reason = "the probe was refused a UDP socket";

  auto note = maps.Canary(order.scope_id);
  if (!note) return tl::unexpected<Error>(std::move(note).error());
  if (*note && (*note)->boot_ns >= since_ns && (*note)->generation == order.generation) {
    canary.verdict = (*note)->verdict;
    canary.why = (*note)->why;
    canary.netns_cookie = (*note)->netns_cookie;
  }
  JudgeCanary(canary);
  const auto tgid = static_cast<std::uint32_t>(child->pid());
  child.reset();  // reaped: its pid is free, and an exit program that does not run must not leave a mark on it
  WEIR_TRY(maps.RemoveCanaryTask(tgid));
  return canary;
}

}  // namespace weir::jobs
