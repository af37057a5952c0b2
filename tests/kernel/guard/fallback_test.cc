// SPDX-License-Identifier: Apache-2.0
// The guard's fallback, where a call yields a descriptor: who tries is ended and recorded before anything is done with
// it. Where a class is only reported, and outside the scope, nothing changes.
#include <linux/if_packet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "tests/kernel/guard/fallback_case.h"
#include "tests/kernel/guard/uring.h"

namespace weir::lab {
namespace {

namespace fs = std::filesystem;

// ---- what yields a descriptor: nothing is done with it ----

TEST_F(Fallback, EndsWhoOpensAGuardedFileBeforeItReads) {
  GuardSecret(WEIR_G_RUNNER_FILES, 0);
  const std::string path = directory_ / "secret";
  const auto read = [&] {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return fd && ::read(fd.get(), trace_->bytes, sizeof(trace_->bytes)) > 0 ? 0 : errno;
  };
  Holds(WEIR_G_RUNNER_FILES, InodeOf(path), read);
  EXPECT_EQ(trace().bytes[0], 0) << "it read the secret";
  // By whatever name, and by another call.
  fs::create_symlink(path, directory_ / "link");
  Ends(WEIR_G_RUNNER_FILES, InodeOf(path), [&] { return TryOpen(directory_ / "link", O_RDONLY); });
  Ends(WEIR_G_RUNNER_FILES, InodeOf(path), [&] {
    const Fd directory(::open(directory_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    return ErrnoOf(::openat(directory.get(), "secret", O_RDONLY));
  });
  // What only names a place opens nothing.
  Passes([&] { return TryOpen(path, O_PATH); });
  Passes([&] { return TryOpen(directory_ / "nothing", O_RDONLY) == ENOENT ? 0 : EIO; });
}

TEST_F(Fallback, EndsWhoOpensOurFilesBeforeItWrites) {
  GuardSecret(WEIR_G_SENSOR_FILES, WEIR_GF_WRITE_ONLY);
  const std::string path = directory_ / "secret";
  Ends(WEIR_G_SENSOR_FILES, InodeOf(path), [&] {
    const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return ErrnoOf(::write(fd.get(), "x", 1));
  });
  std::string text;
  std::getline(std::ifstream(path), text);
  EXPECT_EQ(text, "token");
  Passes([&] { return TryOpen(path, O_RDONLY); });
}

TEST_F(Fallback, EndsWhoOpensAProcessesMemory) {
  Protect(WEIR_P_RUNNER);
  const std::string proc = "/proc/" + std::to_string(target());
  Holds(WEIR_G_RUNNER_MEMORY, target_value(), [&] { return TryOpen(proc + "/mem", O_RDONLY); });
  Holds(WEIR_G_RUNNER_MEMORY, target_value(),
        [&] { return TryOpen(proc + "/task/" + std::to_string(target()) + "/mem", O_RDWR); });
  Holds(WEIR_G_SIGNAL, target_value(), [&] { return TryOpen(proc + "/oom_score_adj", O_WRONLY); });
  Passes([&] { return TryOpen(proc + "/stat", O_RDONLY); });
  Passes([] { return TryOpen("/proc/self/mem", O_RDWR); });
}

TEST_F(Fallback, EndsWhoOpensAForeignCgroupsFiles) {
  const fs::path outside = world_->world().root().path();
  const fs::path procs = outside / "cgroup.procs";
  Holds(WEIR_G_CGROUP, InodeOf(procs), [&] { return TryOpen(procs, O_WRONLY); });
  Ends(WEIR_G_CGROUP, InodeOf(procs), [&] {
    const Fd fd(::open(procs.c_str(), O_WRONLY | O_CLOEXEC));
    return ErrnoOf(::write(fd.get(), "0", 1));
  });
  Passes([&] { return TryOpen(procs, O_RDONLY); });
  Passes([&] { return TryOpen(fs::path(world_->world().job().path()) / "cgroup.procs", O_WRONLY); });
}

TEST_F(Fallback, EndsWhoMakesASocketThatNobodySees) {
  Holds(WEIR_G_PACKET, 0, [] {
    const Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    return fd ? 0 : errno;
  });
  // Sent by whoever is still there: nobody.
  Ends(WEIR_G_PACKET, 0, [this] {
    const Fd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    const char frame[64] = {};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = 1;
    const int failed =
        ErrnoOf(::sendto(fd.get(), frame, sizeof(frame), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)));
    trace_->effect = 1;
    return failed;
  });
  EXPECT_EQ(trace().effect, 0u);
  Passes([] {
    const Fd tcp(::socket(AF_INET, SOCK_STREAM, 0)), udp(::socket(AF_INET6, SOCK_DGRAM, 0)),
        local(::socket(AF_UNIX, SOCK_STREAM, 0)), netlink(::socket(AF_NETLINK, SOCK_RAW, 0));
    return tcp && udp && local && netlink ? 0 : EIO;
  });
}

#if defined(__x86_64__)
/// A 32-bit system call. What it points to must lie below 4 GiB.
long Call32(long number, long a, long b = 0, long c = 0) {
  long result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c), "S"(0) : "memory", "r8", "r9", "r10", "r11");
  if (result < 0 && result > -4096) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

void* LowMemory(const void* bytes, std::size_t size) {
  void* low = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  std::memcpy(low, bytes, size);
  return low;
}

// socketcall, socket, open, kill and prlimit64 by their 32-bit numbers, from a 64-bit process.
TEST_F(Fallback, Knows32BitCalls) {
  GuardSecret(WEIR_G_RUNNER_FILES, 0);
  Protect(WEIR_P_SENSOR);
  const std::string path = directory_ / "secret";
  Ends(WEIR_G_RUNNER_FILES, InodeOf(path),
       [&] { return ErrnoOf(Call32(5, reinterpret_cast<long>(LowMemory(path.c_str(), path.size() + 1)), O_RDONLY)); });
  Ends(WEIR_G_PACKET, 0, [] { return ErrnoOf(Call32(359, AF_PACKET, SOCK_RAW, 0)); });
  Ends(WEIR_G_PACKET, 0, [] {
    const std::uint32_t arguments[3] = {AF_PACKET, SOCK_RAW, 0};
    return ErrnoOf(Call32(102, 1, reinterpret_cast<long>(LowMemory(arguments, sizeof(arguments)))));
  });
  Ends(WEIR_G_SIGNAL, target_value(), [&] { return ErrnoOf(Call32(37, target(), SIGUSR1)); });
  Ends(WEIR_G_SIGNAL, target_value(), [&] {
    const std::uint64_t limit[2] = {512, 512};
    return ErrnoOf(Call32(340, target(), RLIMIT_NOFILE, reinterpret_cast<long>(LowMemory(limit, sizeof(limit)))));
  });
  // 5 is fstat as a 64-bit number, 2 is fork as a 32-bit one.
  Passes([] {
    struct stat file {};
    return ErrnoOf(::syscall(5, 0, &file));
  });
}
#endif

// ---- unix sockets ----

class FallbackUnix : public Fallback {
 protected:
  void SetUp() override {
    Fallback::SetUp();
    path_ = directory_ / "deputy";
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un at = Address();
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    ASSERT_EQ(::listen(listener_.get(), 8), 0);
  }
  [[nodiscard]] sockaddr_un Address() const {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path_.c_str(), sizeof(at.sun_path) - 1);
    return at;
  }
  int Ask() const {
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un to = Address();
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return errno;
    return ErrnoOf(::write(fd.get(), "start a container", 17));
  }
  /// What the next one who connected has said.
  std::string Heard() {
    const Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    char text[64] = {};
    const ssize_t got = ::read(peer.get(), text, sizeof(text));
    return {text, got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  std::string path_;
  Fd listener_;
};

TEST_F(FallbackUnix, EndsWhoConnectsToADeputyBeforeItSpeaks) {
  ASSERT_TRUE(world_->Guard(path_, WEIR_G_SOCKETS, 0));
  Holds(WEIR_G_SOCKETS, InodeOf(path_), [this] { return Ask(); });
  EXPECT_EQ(Heard(), "start a container") << "outside";
  EXPECT_EQ(Heard(), "start a container") << "only reported";
  EXPECT_EQ(Heard(), "") << "ended";
  ASSERT_TRUE(world_->Unguard(path_));
  Passes([this] { return Ask(); });
}

// Looking up a user or a name is no attempt of the program's.
TEST_F(FallbackUnix, SparesWhoseLibraryAsksANameService) {
  ASSERT_TRUE(world_->Guard(path_, WEIR_G_SOCKETS, WEIR_GF_UNASKED));
  ASSERT_TRUE(world_->Judge(GuardWorld::Mode::kDeny));
  EXPECT_EQ(InJob([this] { return Ask(); }), 0);
  EXPECT_EQ(world_->Reported(WEIR_G_SOCKETS), 1u);
  world_->ExpectFinding(WEIR_G_SOCKETS, InodeOf(path_), WEIR_WOULD_DENY);
}

// ---- what is not seen, and said ----

// Not to be liked: when this fails, the fallback has learnt to see io_uring, and what the sensor says of it is too
// much.
TEST_F(Fallback, DoesNotSeeWhatIoUringOpens) {
  GuardSecret(WEIR_G_RUNNER_FILES, 0);
  const int opened = Outside([&] { return Uring::Open(directory_ / "secret", false); });
  if (opened != 0) GTEST_SKIP() << "this kernel's io_uring opens no files";
  Passes([&] { return Uring::Open(directory_ / "secret", false); });
}

}  // namespace
}  // namespace weir::lab
