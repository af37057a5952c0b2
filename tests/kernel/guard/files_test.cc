// SPDX-License-Identifier: Apache-2.0
// Files of the runner and of Weir, by every way that leads to them; and the kernel's switches among files.
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/kernel/guard/guard_case.h"
#include "tests/kernel/guard/uring.h"

namespace weir::lab {
namespace {

// `secret` is guarded by itself, `dir` with everything below it, `state` against writing only.
class GuardFiles : public GuardCase {
 protected:
  void SetUp() override {
    GuardCase::SetUp();
    std::filesystem::create_directories(base_ + "/dir/deep/er");
    std::filesystem::create_directories(base_ + "/state");
    std::filesystem::create_directories(base_ + "/free");
    for (const char* file : {"/secret", "/dir/deep/er/key", "/state/log", "/free/file"})
      std::ofstream(base_ + file) << "x";
    ASSERT_TRUE(world().Guard(base_ + "/secret", WEIR_G_RUNNER_FILES, 0));
    ASSERT_TRUE(world().Guard(base_ + "/dir", WEIR_G_RUNNER_FILES, WEIR_GF_BELOW));
    ASSERT_TRUE(world().Guard(base_ + "/state", WEIR_G_SENSOR_FILES, WEIR_GF_BELOW | WEIR_GF_WRITE_ONLY));
  }
  void TearDown() override {
    for (const char* name : {"/secret", "/dir", "/state"}) EXPECT_TRUE(world().Unguard(base_ + name));
    std::filesystem::remove_all(base_);
  }
  static std::uint64_t Inode(const std::string& path) {
    struct stat file {};
    return lstat(path.c_str(), &file) == 0 ? file.st_ino : 0;
  }

  const std::string base_ = "/tmp/weir-guard-" + std::to_string(getpid());
  const std::string secret_ = base_ + "/secret";
  const std::string key_ = base_ + "/dir/deep/er/key";
  const std::string log_ = base_ + "/state/log";
};

TEST_F(GuardFiles, RefusesToReadThem) {
  Holds(WEIR_G_RUNNER_FILES, Inode(secret_), [this] { return TryOpen(secret_, O_RDONLY); });
  Holds(WEIR_G_RUNNER_FILES, Inode(key_), [this] { return TryOpen(key_, O_RDONLY); });
  Holds(WEIR_G_RUNNER_FILES, Inode(base_ + "/dir/deep"),
        [this] { return TryOpen(base_ + "/dir/deep", O_RDONLY | O_DIRECTORY); });
}

TEST_F(GuardFiles, RefusesOtherWaysToOpen) {
  const auto inode = Inode(key_);
  Holds(WEIR_G_RUNNER_FILES, inode, [this] {
    open_how how{};
    how.resolve = RESOLVE_NO_SYMLINKS;
    const Fd fd(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, key_.c_str(), &how, sizeof(how))));
    return fd ? 0 : errno;
  });
  Holds(WEIR_G_RUNNER_FILES, inode, [this] {
    const Fd path(open(key_.c_str(), O_PATH | O_CLOEXEC));
    return TryOpen("/proc/self/fd/" + std::to_string(path.get()), O_RDONLY);
  });
  Holds(WEIR_G_RUNNER_FILES, inode, [this] {
    int result = 0;
    std::thread([&] { result = TryOpen(key_, O_RDONLY); }).join();
    return result;
  });
  Holds(WEIR_G_RUNNER_FILES, inode, [this] { return Uring::Open(key_, /*by_worker=*/false); });
  Holds(WEIR_G_RUNNER_FILES, inode, [this] { return Uring::Open(key_, /*by_worker=*/true); });
}

TEST_F(GuardFiles, RefusesThemThroughOtherMounts) {
  const auto inode = Inode(key_);
  const std::string elsewhere = base_ + "/free";
  Holds(WEIR_G_RUNNER_FILES, inode, [&] {
    if (unshare(CLONE_NEWNS) || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount((base_ + "/dir/deep").c_str(), elsewhere.c_str(), nullptr, MS_BIND, nullptr))
      return ENODEV;
    return TryOpen(elsewhere + "/er/key", O_RDONLY);
  });
}

// Another file system that shows them as its own.
TEST_F(GuardFiles, RefusesThemThroughAnOverlay) {
  const std::string options = "lowerdir=" + base_ + "/dir/deep:" + base_ + "/empty";
  std::filesystem::create_directory(base_ + "/empty");
  Holds(WEIR_G_RUNNER_FILES, Inode(key_), [&] {
    if (unshare(CLONE_NEWNS) || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr)) return ENODEV;
    if (mount("none", (base_ + "/free").c_str(), "overlay", 0, options.c_str())) return errno + 100;
    return TryOpen(base_ + "/free/er/key", O_RDONLY);
  });
}

// The file's name in the cache is gone, so the kernel opens it without knowing where it lies.
TEST_F(GuardFiles, RefusesThemByHandle) {
  struct Handle {
    file_handle head;
    unsigned char bytes[128];
  };
  const auto by_handle = [this] {
    Handle handle{};
    handle.head.handle_bytes = sizeof(handle.bytes);
    int mount_id = 0;
    if (name_to_handle_at(AT_FDCWD, key_.c_str(), &handle.head, &mount_id, 0)) return errno;
    std::ofstream("/proc/sys/vm/drop_caches") << "2";
    const Fd root(open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const Fd fd(open_by_handle_at(root.get(), &handle.head, O_RDONLY));
    return fd ? 0 : errno;
  };
  Holds(WEIR_G_RUNNER_FILES, Inode(key_), by_handle);
}

TEST_F(GuardFiles, RefusesToWriteWhatMayBeRead) {
  const auto inode = Inode(log_);
  Passes([this] { return TryOpen(log_, O_RDONLY); });
  Holds(WEIR_G_SENSOR_FILES, inode, [this] { return TryOpen(log_, O_WRONLY); });
  const auto empty = [this] { return TryOpen(log_, O_RDONLY | O_TRUNC); };
  EXPECT_EQ(Outside(empty), 0);
  Refuses(WEIR_G_SENSOR_FILES, inode, empty);
  Holds(WEIR_G_SENSOR_FILES, inode, [this] { return ErrnoOf(truncate(log_.c_str(), 0)); });
  Holds(WEIR_G_SENSOR_FILES, inode, [this] { return ErrnoOf(chmod(log_.c_str(), 0644)); });
}

TEST_F(GuardFiles, RefusesToTakeThemAway) {
  const std::string away = base_ + "/free/away";
  Holds(WEIR_G_SENSOR_FILES, Inode(log_),
        [&] { return link(log_.c_str(), away.c_str()) ? errno : ErrnoOf(unlink(away.c_str())); });
  Refuses(WEIR_G_SENSOR_FILES, Inode(log_), [this] { return ErrnoOf(unlink(log_.c_str())); });
  Refuses(WEIR_G_SENSOR_FILES, Inode(log_), [&] { return ErrnoOf(rename(log_.c_str(), away.c_str())); });
  Refuses(WEIR_G_SENSOR_FILES, Inode(log_),
          [&] { return ErrnoOf(rename((base_ + "/free/file").c_str(), log_.c_str())); });
  Refuses(WEIR_G_RUNNER_FILES, Inode(base_ + "/dir"),
          [&] { return ErrnoOf(rename((base_ + "/dir").c_str(), away.c_str())); });
  Refuses(WEIR_G_RUNNER_FILES, Inode(secret_), [this] { return ErrnoOf(unlink(secret_.c_str())); });
  EXPECT_NE(Inode(log_), 0u);
}

// What is to be made has no inode yet: the value is its directory's.
TEST_F(GuardFiles, RefusesToPutOthersBesideThem) {
  const auto dir = Inode(base_ + "/state");
  const std::string fresh = base_ + "/state/new";
  Refuses(WEIR_G_SENSOR_FILES, dir, [&] { return TryOpen(fresh, O_WRONLY | O_CREAT); });
  Refuses(WEIR_G_SENSOR_FILES, dir, [&] { return ErrnoOf(mkdir(fresh.c_str(), 0700)); });
  Refuses(WEIR_G_SENSOR_FILES, dir, [&] { return ErrnoOf(symlink("/dev/null", fresh.c_str())); });
  Refuses(WEIR_G_SENSOR_FILES, dir, [&] { return ErrnoOf(mknod(fresh.c_str(), S_IFIFO | 0600, 0)); });
  Refuses(WEIR_G_SENSOR_FILES, dir,
          [&] { return ErrnoOf(mount("none", (base_ + "/state").c_str(), "tmpfs", 0, nullptr)); });
}

TEST_F(GuardFiles, LetsAJobWorkBesideThem) {
  Passes([this] {
    const std::string file = base_ + "/free/mine";
    if (const int error = TryOpen(file, O_RDWR | O_CREAT)) return error;
    if (rename(file.c_str(), (file + "2").c_str()) || unlink((file + "2").c_str())) return errno;
    if (mkdir(file.c_str(), 0700) || rmdir(file.c_str())) return errno;
    struct stat info {};
    return ErrnoOf(stat(secret_.c_str(), &info));
  });
}

TEST_F(GuardFiles, RefusesTheKernelsSwitches) {
  Holds(WEIR_G_SYSRQ, 0, [] { return TryOpen("/proc/sysrq-trigger", O_WRONLY); });
  Holds(WEIR_G_MEMORY, 0, [] { return TryOpen("/proc/kcore", O_RDONLY); });
  Holds(WEIR_G_SYSRQ, 0, [this] {
    const std::string proc = base_ + "/free";
    if (unshare(CLONE_NEWNS) || mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) ||
        mount("proc", proc.c_str(), "proc", 0, nullptr))
      return ENODEV;
    return TryOpen(proc + "/sysrq-trigger", O_WRONLY);
  });
  Holds(WEIR_G_MEMORY, 0, [] { return TryOpen("/sys/kernel/tracing/uprobe_events", O_WRONLY); });
  Holds(WEIR_G_SYSCTL, 0, [] { return TryOpen("/sys/kernel/security/lockdown", O_WRONLY); });
  Passes([] { return TryWrite("/proc/self/comm", "job") ? errno : TryOpen("/proc/self/oom_score_adj", O_RDWR); });
}

TEST_F(GuardFiles, RefusesToSetAProtectedProcess) {
  ASSERT_TRUE(world().Protect(getpid(), WEIR_P_SENSOR));
  const auto tgid = static_cast<std::uint64_t>(getpid());
  const std::string self = "/proc/" + std::to_string(getpid());
  const std::string thread = self + "/task/" + std::to_string(getpid());
  Holds(WEIR_G_SIGNAL, tgid, [&] { return TryOpen(self + "/oom_score_adj", O_WRONLY); });
  Holds(WEIR_G_SIGNAL, tgid, [&] { return TryOpen(thread + "/comm", O_WRONLY); });
  EXPECT_TRUE(MapDelete(world().map("weir_protected"), static_cast<std::uint32_t>(getpid())));
}

}  // namespace
}  // namespace weir::lab
