// SPDX-License-Identifier: Apache-2.0
// Control groups: a job's own, and everybody else's. Settings and devices, which cgroup programs guard.
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/kernel/guard/guard_case.h"

namespace weir::lab {
namespace {

class GuardCgroup : public GuardCase {
 protected:
  static std::uint64_t Inode(const std::string& path) {
    struct stat file {};
    return stat(path.c_str(), &file) == 0 ? file.st_ino : 0;
  }
  const std::string& Own() { return world().world().job().path(); }
  const std::string& Root() { return world().world().root().path(); }
};

TEST_F(GuardCgroup, RefusesToWriteOtherCgroups) {
  for (const char* file : {"/cgroup.procs", "/cgroup.threads", "/cgroup.freeze", "/cgroup.subtree_control"}) {
    const std::string path = Root() + file;
    Holds(WEIR_G_CGROUP, Inode(path), [&] { return TryOpen(path, O_WRONLY); });
  }
}

TEST_F(GuardCgroup, RefusesToMakeAndRemoveOtherCgroups) {
  const std::string fresh = Root() + "/fresh";
  Refuses(WEIR_G_CGROUP, Inode(Root()), [&] { return ErrnoOf(mkdir(fresh.c_str(), 0755)); });
  ASSERT_TRUE(std::filesystem::create_directory(fresh));
  Refuses(WEIR_G_CGROUP, Inode(Root()), [&] { return ErrnoOf(rmdir(fresh.c_str())); });
  std::filesystem::remove(fresh);
}

TEST_F(GuardCgroup, RefusesOtherCgroupsThroughOtherMounts) {
  const std::string path = Root() + "/cgroup.procs";
  Holds(WEIR_G_CGROUP, Inode(path), [&] {
    char at[] = "/tmp/weir-cgroup-XXXXXX";
    if (!mkdtemp(at) || unshare(CLONE_NEWNS) || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount("none", at, "cgroup2", 0, nullptr))
      return ENODEV;
    return TryOpen(at + path.substr(path.find("/weir-egress")), O_WRONLY);
  });
  // A namespace of cgroups changes what `/` is, and not who is whose parent.
  Refuses(WEIR_G_CGROUP, Inode(path), [&] { return unshare(CLONE_NEWCGROUP) ? errno : TryOpen(path, O_WRONLY); });
}

// To freeze or kill somebody, take him in first.
TEST_F(GuardCgroup, RefusesToTakeOthersIn) {
  auto child = Child::Fork([] {
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(child);
  child->Go();
  const std::string others = Root() + "/others";
  std::filesystem::create_directory(others);
  const auto in = [](const std::string& cgroup, pid_t pid) {
    return TryWrite(cgroup + "/cgroup.procs", std::to_string(pid));
  };
  ASSERT_EQ(in(others, child->pid()), 0);
  // The nearest common ancestor is asked.
  const std::string own = Own() + "/mine";
  std::filesystem::create_directory(own);
  Refuses(WEIR_G_CGROUP, Inode(Root() + "/cgroup.procs"), [&] { return in(own, child->pid()); });
  Refuses(WEIR_G_CGROUP, Inode(Root() + "/cgroup.procs"), [&] { return in(Own(), child->pid()); });
  EXPECT_EQ(in(own, child->pid()), 0) << "nobody else is hindered";
  EXPECT_EQ(in(others, child->pid()), 0);
  kill(child->pid(), SIGKILL);
  child->Wait();
  std::filesystem::remove(others);
  std::filesystem::remove(own);
}

TEST_F(GuardCgroup, RefusesToBeBornElsewhere) {
  const Fd root(open(Root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Refuses(WEIR_G_CGROUP, Inode(Root() + "/cgroup.procs"), [&] {
    clone_args args{};
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = SIGCHLD;
    args.cgroup = static_cast<__u64>(root.get());
    const long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) _exit(0);
    return ErrnoOf(pid);
  });
}

TEST_F(GuardCgroup, LetsAJobRuleItsOwn) {
  Passes([this] {
    const std::string mine = Own() + "/mine";
    if (mkdir(mine.c_str(), 0755)) return errno;
    const pid_t child = fork();
    if (child == 0) {
      pause();
      _exit(0);
    }
    if (const int error = TryWrite(mine + "/cgroup.procs", std::to_string(child))) return error;
    if (const int error = TryWrite(mine + "/cgroup.freeze", "1")) return error;
    if (const int error = TryWrite(mine + "/cgroup.freeze", "0")) return error;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    // What only asks is no attempt.
    if (access((Root() + "/cgroup.procs").c_str(), W_OK)) return errno;
    return ErrnoOf(rmdir(mine.c_str()));
  });
}

TEST_F(GuardCgroup, RefusesVersionOne) {
  const auto attempt = [] {
    char at[] = "/tmp/weir-cgroup1-XXXXXX";
    if (!mkdtemp(at) || unshare(CLONE_NEWNS) || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount("none", at, "cgroup", 0, "none,name=weir-test"))
      return ENODEV;
    return TryOpen(std::string(at) + "/release_agent", O_WRONLY);
  };
  EXPECT_EQ(Outside(attempt), 0);
  EXPECT_EQ(world().InJob(attempt), EPERM);
  EXPECT_EQ(world().Denied(WEIR_G_CGROUP), 1u);
}

TEST_F(GuardCgroup, RefusesAReleaseAgentAsAMountOption) {
  const auto attempt = [] {
    char at[] = "/tmp/weir-cgroup1-XXXXXX";
    if (!mkdtemp(at) || unshare(CLONE_NEWNS) || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount("none", at, "cgroup", 0, "none,name=weir-agent"))
      return ENODEV;
    return ErrnoOf(mount("none", at, nullptr, MS_REMOUNT, "none,name=weir-agent,release_agent=/tmp/agent"));
  };
  EXPECT_EQ(Outside(attempt), 0);
  EXPECT_EQ(world().InJob(attempt), EPERM);
  EXPECT_EQ(world().Denied(WEIR_G_CGROUP), 1u);
}

// ---- settings and devices

TEST_F(GuardCgroup, RefusesSettingsThatSwitchProgramsOff) {
  Holds(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/kernel/ftrace_enabled", "1"); });
  Holds(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/kernel/sysrq", "16"); });
  Holds(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/kernel/modprobe", "/sbin/modprobe"); });
  Holds(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/kernel/poweroff_cmd", "/sbin/poweroff"); });
  Refuses(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/kernel/usermodehelper/bset", "1 1"); });
  Refuses(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/net/core/bpf_jit_enable", "0"); });
  Refuses(WEIR_G_SYSCTL, 0, [] { return TryWrite("/proc/sys/kernel/core_pattern", "|/tmp/evil %p"); });
  Refuses(WEIR_G_SYSCTL, 0, [] {
    const std::string long_one = "|" + std::string(100, 'x');
    return TryWrite("/proc/sys/kernel/core_pattern", long_one);
  });
}

TEST_F(GuardCgroup, LetsAJobTuneTheRest) {
  Passes([] {
    const std::pair<const char*, const char*> settings[] = {{"vm/max_map_count", "262144"},
                                                            {"fs/inotify/max_user_watches", "524288"},
                                                            {"net/ipv4/ip_forward", "0"},
                                                            {"kernel/core_pattern", "core"}};
    for (const auto& [name, value] : settings)
      if (const int error = TryWrite(std::string("/proc/sys/") + name, value)) return error;
    return TryOpen("/proc/sys/kernel/ftrace_enabled", O_RDONLY);
  });
}

int OpenDevice(unsigned major, unsigned minor, mode_t type = S_IFCHR) {
  const std::string node = "/tmp/weir-device-" + std::to_string(getpid());
  if (mknod(node.c_str(), type | 0600, makedev(major, minor))) return errno;
  const int result = TryOpen(node, O_RDWR);
  unlink(node.c_str());
  return result;
}

TEST_F(GuardCgroup, RefusesDevicesOfMemoryAndTunnels) {
  Refuses(WEIR_G_MEMORY, 1, [] { return OpenDevice(1, 1); });
  Refuses(WEIR_G_MEMORY, 4, [] { return OpenDevice(1, 4); });
  Refuses(WEIR_G_TUN, 200, [] { return OpenDevice(10, 200); });
  Refuses(WEIR_G_TUN, 238, [] { return OpenDevice(10, 238); });
  Refuses(WEIR_G_VSOCK, 241, [] { return OpenDevice(10, 241); });
  Passes([] { return OpenDevice(1, 3) ? errno : OpenDevice(1, 9); });
  EXPECT_NE(Outside([] { return OpenDevice(1, 4); }), EPERM);  // stock kernels of clouds lack most of them
}

// A disk that holds guarded files is one file more that leads to them.
TEST_F(GuardCgroup, RefusesTheDiskOfGuardedFiles) {
  const weir_guarded_key disk{7ull << 20 | 5, 0};
  ASSERT_TRUE(MapPut(world().map("weir_guarded"), disk, weir_guarded{WEIR_G_RUNNER_FILES, 0}));
  Refuses(WEIR_G_RUNNER_FILES, 5, [] { return OpenDevice(7, 5, S_IFBLK); });
  EXPECT_NE(world().InJob([] { return OpenDevice(7, 6, S_IFBLK); }), EPERM);
  EXPECT_TRUE(MapDelete(world().map("weir_guarded"), disk));
}

}  // namespace
}  // namespace weir::lab
