// SPDX-License-Identifier: Apache-2.0
// The BPF file system that holds the pins: not unmounted, not covered, not emptied.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "tests/kernel/guard/guard_case.h"

namespace weir::lab {
namespace {

// <sys/mount.h> and <linux/mount.h> do not go together.
int Mount(const char* source, const std::string& target, const char* type, unsigned long flags) {
  return static_cast<int>(syscall(SYS_mount, source, target.c_str(), type, flags, nullptr));
}
int Unmount(const std::string& target, int flags = 0) {
  return static_cast<int>(syscall(SYS_umount2, target.c_str(), flags));
}
constexpr int kDetach = 2;

// A file system of BPF of the test's own stands for the one with the pins: /tmp/weir-pins-N/sub is where it is mounted,
// and /tmp/weir-pins-N a mount, too.
class GuardMounts : public GuardCase {
 protected:
  void SetUp() override {
    GuardCase::SetUp();
    std::filesystem::create_directory(base_);
    ASSERT_EQ(Mount("none", base_, "tmpfs", 0), 0);
    for (const char* name : {"/sub", "/other", "/a"}) std::filesystem::create_directory(base_ + name);
    ASSERT_EQ(Mount("none", pins_, "bpf", 0), 0);
    ASSERT_EQ(Mount("none", base_ + "/a", "tmpfs", 0), 0);
    std::filesystem::create_directory(pins_ + "/dir");
    struct stat pins {
    }, net{}, mounts{};
    ASSERT_EQ(stat(pins_.c_str(), &pins), 0);
    ASSERT_EQ(stat("/proc/self/ns/net", &net), 0);
    ASSERT_EQ(stat("/proc/self/ns/mnt", &mounts), 0);
    ASSERT_TRUE(world().SetHost({.pins_dev = std::uint64_t{major(pins.st_dev)} << 20 | minor(pins.st_dev),
                                 .netns_inode = static_cast<__u32>(net.st_ino),
                                 .mntns_inode = static_cast<__u32>(mounts.st_ino)}));
  }
  void TearDown() override {
    EXPECT_TRUE(std::filesystem::exists(pins_ + "/dir")) << "the pins are gone";
    Unmount(base_, kDetach);
    std::filesystem::remove(base_);
  }
  const std::string base_ = "/tmp/weir-pins-" + std::to_string(getpid());
  const std::string pins_ = base_ + "/sub";
};

TEST_F(GuardMounts, RefusesToUnmountThem) {
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Unmount(pins_)); });
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Unmount(pins_, kDetach)); });
}

// One request takes everything below along, and the kernel asks about the top only.
TEST_F(GuardMounts, RefusesToUnmountWhatIsAboveThem) {
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Unmount(base_, kDetach)); });
}

TEST_F(GuardMounts, RefusesToUnmountThemFromAnotherNamespaceWhenThatIsPropagated) {
  ASSERT_EQ(Mount(nullptr, base_, nullptr, 1 << 20), 0);  // MS_SHARED
  Refuses(WEIR_G_MOUNT, 0, [this] { return unshare(CLONE_NEWNS) ? errno : ErrnoOf(Unmount(pins_, kDetach)); });
}

// What every container engine does.
TEST_F(GuardMounts, LetsAJobLeaveThemBehindInItsOwnNamespace) {
  Passes([this] {
    if (unshare(CLONE_NEWNS) || Mount(nullptr, "/", nullptr, 1 << 18 | 1 << 14)) return errno;  // MS_PRIVATE, MS_REC
    return Unmount(pins_) ? errno : ErrnoOf(Unmount(base_, kDetach));
  });
}

TEST_F(GuardMounts, RefusesToCoverOrMoveThem) {
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Mount("none", pins_, "tmpfs", 0)); });
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Mount("none", pins_ + "/dir", "tmpfs", 0)); });
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Mount(pins_.c_str(), base_ + "/other", nullptr, 8192)); });
  Refuses(WEIR_G_MOUNT, 0, [this] {
    return ErrnoOf(syscall(SYS_move_mount, AT_FDCWD, pins_.c_str(), AT_FDCWD, (base_ + "/other").c_str(), 0));
  });
  Refuses(WEIR_G_MOUNT, 0, [this] { return ErrnoOf(Mount("none", pins_, nullptr, 32 | 1)); });  // MS_REMOUNT, MS_RDONLY
}

TEST_F(GuardMounts, RefusesToRemoveAndRenamePins) {
  const std::string pin = pins_ + "/dir";
  Refuses(WEIR_G_MOUNT, 0, [&] { return ErrnoOf(rmdir(pin.c_str())); });
  Refuses(WEIR_G_MOUNT, 0, [&] { return ErrnoOf(rename(pin.c_str(), (pins_ + "/other").c_str())); });
  Refuses(WEIR_G_MOUNT, 0, [&] { return ErrnoOf(mkdir((pins_ + "/mine").c_str(), 0700)); });
  // The same through a mount of the job's own.
  Refuses(WEIR_G_MOUNT, 0, [&] {
    if (unshare(CLONE_NEWNS) || Mount(nullptr, "/", nullptr, 1 << 18 | 1 << 14)) return ENODEV;
    if (Mount(pins_.c_str(), base_ + "/other", nullptr, 4096)) return ENODEV;  // MS_BIND
    return ErrnoOf(rmdir((base_ + "/other/dir").c_str()));
  });
}

TEST_F(GuardMounts, LetsAJobMountItsOwn) {
  Passes([this] {
    const std::string other = base_ + "/other";
    if (Mount("none", other, "tmpfs", 0) || Mount("none", other, nullptr, 32 | 1)) return errno;
    return Unmount(other) ? errno : ErrnoOf(Unmount(base_ + "/a", kDetach));
  });
}

}  // namespace
}  // namespace weir::lab
