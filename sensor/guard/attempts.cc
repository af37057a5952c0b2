// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/attempts.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bpf/abi.h"

namespace weir::guard {
namespace {

int ErrnoOf(long result) { return result < 0 ? errno : 0; }

/// Closes what it was given.
int Opened(int fd) {
  if (fd < 0) return errno;
  ::close(fd);
  return 0;
}

int OpenFile(const char* path, int flags) { return Opened(::open(path, flags | O_CLOEXEC | O_NONBLOCK)); }

int MakeSocket(int family, int type) { return Opened(::socket(family, type | SOCK_CLOEXEC, 0)); }

int ReadMemoryOf(pid_t pid) {
  char byte = 0;
  // Where the address is mapped does not matter: permission comes first.
  const iovec here{&byte, 1}, there{&byte, 1};
  const long result = ::syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0);
  return result < 0 && errno != EFAULT ? errno : 0;
}

int SendNetlink(int protocol, const void* message, std::size_t bytes) {
  const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd < 0) return errno;
  const int failed = ErrnoOf(::send(fd, message, bytes, 0));
  ::close(fd);
  return failed;
}

/// Reaches for a map of ours, and lets go.
int Bpf(const AttemptWorld& world) {
  bpf_attr attr{};
  attr.pathname = reinterpret_cast<std::uint64_t>(world.pinned_map);
  return Opened(static_cast<int>(::syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr))));
}

int Modules(const AttemptWorld&) {
  static const char nothing[256] = {};
  return ErrnoOf(::syscall(SYS_init_module, nothing, sizeof(nothing), ""));
}

/// One that does nothing to who does not wait for it.
int Signal(const AttemptWorld& world) { return ErrnoOf(::kill(world.sensor, SIGURG)); }
int Ptrace(const AttemptWorld& world) { return ReadMemoryOf(world.sensor); }
int RunnerMemory(const AttemptWorld& world) { return ReadMemoryOf(world.runner); }
int RunnerFiles(const AttemptWorld& world) { return OpenFile(world.runner_file, O_RDONLY); }
int SensorFiles(const AttemptWorld& world) { return OpenFile(world.sensor_file, O_WRONLY); }
int Cgroup(const AttemptWorld& world) { return OpenFile(world.cgroup_procs, O_WRONLY); }

/// Writes the value that it has.
int Sysctl(const AttemptWorld&) {
  const char* path = "/proc/sys/kernel/ftrace_enabled";
  int fd = ::open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) fd = ::open("/proc/sys/kernel/sysrq", O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno;
  char value[32];
  const ssize_t length = ::read(fd, value, sizeof(value));
  const int failed = length <= 0 ? EIO : ErrnoOf(::pwrite(fd, value, static_cast<std::size_t>(length), 0));
  ::close(fd);
  return failed;
}

int Sysrq(const AttemptWorld&) { return OpenFile("/proc/sysrq-trigger", O_WRONLY); }

/// In a mount namespace of its own, that nobody else sees it.
int Mount(const AttemptWorld& world) {
  if (::unshare(CLONE_NEWNS) != 0) return errno;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
  return ErrnoOf(::mount("none", world.pin_directory, "tmpfs", 0, nullptr));
}

int Memory(const AttemptWorld&) {
  const int failed = OpenFile("/dev/mem", O_RDONLY);
  return failed == ENOENT ? OpenFile("/proc/kcore", O_RDONLY) : failed;
}

int Packet(const AttemptWorld&) { return MakeSocket(AF_PACKET, SOCK_RAW); }
int Xdp(const AttemptWorld&) { return MakeSocket(AF_XDP, SOCK_RAW); }
int Vsock(const AttemptWorld&) { return MakeSocket(AF_VSOCK, SOCK_STREAM); }
int Family(const AttemptWorld&) { return MakeSocket(AF_RXRPC, SOCK_DGRAM); }

int Tun(const AttemptWorld&) {
  const int fd = ::open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno;
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  const int failed = ErrnoOf(::ioctl(fd, TUNSETIFF, &request));
  ::close(fd);
  return failed;
}

template <typename Body>
int SendRoute(std::uint16_t type, const Body& body) {
  struct {
    nlmsghdr header;
    Body body;
  } message{};
  message.header.nlmsg_len = sizeof(message);
  message.header.nlmsg_type = type;
  message.header.nlmsg_flags = NLM_F_REQUEST;
  message.body = body;
  return SendNetlink(NETLINK_ROUTE, &message, sizeof(message));
}

/// Deletes a link that cannot be.
int Tunnel(const AttemptWorld&) {
  ifinfomsg link{};
  link.ifi_index = 0x7ffffffe;
  return SendRoute(RTM_DELLINK, link);
}

/// Deletes a route of a family that cannot be.
int Routes(const AttemptWorld&) {
  rtmsg route{};
  route.rtm_family = 0xff;
  return SendRoute(RTM_DELROUTE, route);
}

/// An empty batch.
int Netfilter(const AttemptWorld&) {
  struct {
    nlmsghdr begin;
    nfgenmsg begin_body;
    nlmsghdr end;
    nfgenmsg end_body;
  } message{};
  message.begin.nlmsg_len = message.end.nlmsg_len = sizeof(nlmsghdr) + sizeof(nfgenmsg);
  message.begin.nlmsg_type = NFNL_MSG_BATCH_BEGIN;
  message.end.nlmsg_type = NFNL_MSG_BATCH_END;
  message.begin.nlmsg_flags = message.end.nlmsg_flags = NLM_F_REQUEST;
  return SendNetlink(NETLINK_NETFILTER, &message, sizeof(message));
}

/// Out of the host's namespace, and back.
int Netns(const AttemptWorld&) {
  const int fd = ::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int failed = ErrnoOf(::unshare(CLONE_NEWNET) == 0 ? ::setns(fd, CLONE_NEWNET) : -1);
  ::close(fd);
  return failed;
}

int Sockets(const AttemptWorld& world) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::strncpy(to.sun_path, world.deputy, sizeof(to.sun_path) - 1);
  const int failed = ErrnoOf(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
  ::close(fd);
  return failed;
}

/// A key that nobody has: the kernel would start /sbin/request-key.
int Helpers(const AttemptWorld&) {
  constexpr int kProcessKeyring = -2;  // KEY_SPEC_PROCESS_KEYRING
  return ErrnoOf(::syscall(SYS_request_key, "user", "weir:probe", "", kProcessKeyring));
}

constexpr std::array<Attempt, WEIR_GUARD_CLASSES> kAttempts = {{{WEIR_G_BPF, Bpf},
                                                                {WEIR_G_MODULES, Modules},
                                                                {WEIR_G_SIGNAL, Signal},
                                                                {WEIR_G_PTRACE, Ptrace},
                                                                {WEIR_G_RUNNER_MEMORY, RunnerMemory},
                                                                {WEIR_G_RUNNER_FILES, RunnerFiles},
                                                                {WEIR_G_SENSOR_FILES, SensorFiles},
                                                                {WEIR_G_CGROUP, Cgroup},
                                                                {WEIR_G_SYSCTL, Sysctl},
                                                                {WEIR_G_SYSRQ, Sysrq},
                                                                {WEIR_G_MEMORY, Memory},
                                                                {WEIR_G_PACKET, Packet},
                                                                {WEIR_G_XDP, Xdp},
                                                                {WEIR_G_VSOCK, Vsock},
                                                                {WEIR_G_FAMILY, Family},
                                                                {WEIR_G_TUN, Tun},
                                                                {WEIR_G_TUNNEL, Tunnel},
                                                                {WEIR_G_ROUTES, Routes},
                                                                {WEIR_G_NETFILTER, Netfilter},
                                                                {WEIR_G_SOCKETS, Sockets},
                                                                {WEIR_G_HELPERS, Helpers},
                                                                {WEIR_G_NETNS, Netns},
                                                                {WEIR_G_MOUNT, Mount}}};

}  // namespace

std::span<const Attempt> Attempts() { return kAttempts; }

}  // namespace weir::guard
