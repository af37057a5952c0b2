// SPDX-License-Identifier: Apache-2.0
// Programs that the kernel starts as root, outside every scope: a job must not make it start one, nor write what it
// starts.
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/tcp.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "tests/kernel/guard/guard_case.h"

namespace weir::lab {
namespace {

// Each helper leaves a mark when it is started: that, and not an errno, says whether the kernel did.
class GuardHelpers : public GuardCase {
 protected:
  static void Script(const std::string& path) {
    std::ofstream(path) << "#!/bin/busybox sh\n/bin/busybox touch " << kMark << "\n";
    ASSERT_EQ(chmod(path.c_str(), 0755), 0);
  }
  void SetUp() override {
    GuardCase::SetUp();
    std::getline(std::ifstream("/proc/sys/kernel/modprobe"), modprobe_);
    Script("/tmp/weir-modprobe");
    ASSERT_EQ(TryWrite("/proc/sys/kernel/modprobe", "/tmp/weir-modprobe"), 0);
    std::filesystem::create_directories("/sbin");
    Script("/sbin/request-key");
  }
  void TearDown() override {
    EXPECT_EQ(TryWrite("/proc/sys/kernel/modprobe", modprobe_), 0);
    std::filesystem::remove("/sbin/request-key");
    std::filesystem::remove("/tmp/weir-modprobe");
  }
  /// 0: the helper ran; EPERM: it did not. The kernel waits for it.
  static int Started(const std::function<void()>& cause) {
    std::filesystem::remove(kMark);
    cause();
    return std::filesystem::exists(kMark) ? 0 : EPERM;
  }

  static constexpr const char* kMark = "/tmp/weir-helper-ran";
  std::string modprobe_;
};

TEST_F(GuardHelpers, RefusesToHaveAModuleLoaded) {
  Holds(WEIR_G_HELPERS, WEIR_HELPER_MODULE, [] {
    return Started([] {
      const Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
      (void)setsockopt(fd.get(), IPPROTO_TCP, TCP_CONGESTION, "nobody", 6);
    });
  });
}

TEST_F(GuardHelpers, RefusesToHaveAKeyLookedUp) {
  Holds(WEIR_G_HELPERS, WEIR_HELPER_KEY, [] {
    return Started([] { (void)syscall(SYS_request_key, "user", "weir:secret", "to you", KEY_SPEC_PROCESS_KEYRING); });
  });
}

TEST_F(GuardHelpers, LetsAJobKeepKeysOfItsOwn) {
  Passes([] { return ErrnoOf(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr)); });
  Passes([] { return ErrnoOf(syscall(SYS_add_key, "user", "weir:mine", "x", 1, KEY_SPEC_PROCESS_KEYRING)); });
  Passes([] {
    if (syscall(SYS_add_key, "user", "weir:mine", "x", 1, KEY_SPEC_PROCESS_KEYRING) < 0) return errno;
    return ErrnoOf(syscall(SYS_request_key, "user", "weir:mine", "", 0));  // it is there: nobody is asked
  });
  Passes([] {
    const long found = syscall(SYS_request_key, "user", "weir:nobody's", nullptr, 0);
    return found < 0 && errno == ENOKEY ? 0 : EIO;
  });
}

TEST_F(GuardHelpers, RefusesToWriteWhatTheyAre) {
  const std::string program = "/sbin/request-key";
  ASSERT_TRUE(world().Guard(program, WEIR_G_HELPERS, WEIR_GF_WRITE_ONLY));
  struct stat file {};
  ASSERT_EQ(stat(program.c_str(), &file), 0);
  Holds(WEIR_G_HELPERS, file.st_ino, [&] { return TryOpen(program, O_WRONLY); });
  Refuses(WEIR_G_HELPERS, file.st_ino, [&] { return ErrnoOf(rename("/tmp/weir-modprobe", program.c_str())); });
  Passes([&] { return TryOpen(program, O_RDONLY); });
  ASSERT_TRUE(world().Unguard(program));
}

TEST_F(GuardHelpers, RefusesToSayWhoRunsOthersPrograms) {
  const std::string formats = "/proc/sys/fs/binfmt_misc";
  if (mount("binfmt_misc", formats.c_str(), "binfmt_misc", 0, nullptr) && errno != EBUSY)
    GTEST_SKIP() << "this kernel has no binfmt_misc";
  Holds(WEIR_G_HELPERS, 0, [&] { return TryOpen(formats + "/register", O_WRONLY); });
  Passes([&] { return TryOpen(formats + "/status", O_RDONLY); });
  umount(formats.c_str());
}

}  // namespace
}  // namespace weir::lab
