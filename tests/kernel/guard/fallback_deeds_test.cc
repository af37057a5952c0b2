// SPDX-License-Identifier: Apache-2.0
// The guard's fallback, where the call is the deed: who tries is ended and recorded, and what came of the attempt is
// what the sensor says of the class.
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "tests/kernel/guard/fallback_case.h"

namespace weir::lab {
namespace {

namespace fs = std::filesystem;

// ---- signals and limits: their effect stays ----

TEST_F(Fallback, EndsWhoSendsASignalWhichArrives) {
  Protect(WEIR_P_SENSOR);
  Holds(WEIR_G_SIGNAL, target_value(), [this] { return ErrnoOf(::kill(target(), SIGUSR1)); });
  Holds(WEIR_G_SIGNAL, target_value(), [this] { return ErrnoOf(::syscall(SYS_tgkill, target(), target(), SIGUSR1)); });
  Holds(WEIR_G_SIGNAL, target_value(), [this] { return ErrnoOf(::syscall(SYS_tkill, target(), SIGUSR1)); });
  Holds(WEIR_G_SIGNAL, target_value(), [this] { return ErrnoOf(::sigqueue(target(), SIGUSR1, {})); });
  Holds(WEIR_G_SIGNAL, target_value(), [this] {
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, target(), 0)));
    return ErrnoOf(::syscall(SYS_pidfd_send_signal, pidfd.get(), SIGUSR1, nullptr, 0));
  });
  Passes([this] { return ErrnoOf(::kill(target(), 0)); });
  Passes([] {
    const pid_t own = ::fork();
    if (own == 0) {
      ::pause();
      ::_exit(0);
    }
    int status = 0;
    return ::kill(own, SIGKILL) == 0 && ::waitpid(own, &status, 0) == own && WIFSIGNALED(status) ? 0 : EIO;
  });
  Ends(WEIR_G_SIGNAL, target_value(), [this] { return ErrnoOf(::kill(target(), SIGKILL)); });
  int status = 0;
  EXPECT_EQ(::waitpid(target(), &status, 0), target());
  EXPECT_TRUE(WIFSIGNALED(status)) << "what the sensor says of this class is too little";
}

// The death of a job's process is told to its parent, which may be the runner.
TEST_F(Fallback, TheDeathOfAChildIsNoSignalOfIts) {
  ASSERT_TRUE(world_->Protect(::getpid(), WEIR_P_RUNNER));
  Passes([] { return 0; });
  EXPECT_TRUE(MapDelete(world_->map("weir_protected"), static_cast<std::uint32_t>(::getpid())));
}

TEST_F(Fallback, EndsWhoSetsLimitsWhichStay) {
  Protect(WEIR_P_RUNNER);
  Ends(WEIR_G_SIGNAL, target_value(), [this] {
    const rlimit limit{77, 77};
    return ErrnoOf(::prlimit(target(), RLIMIT_NOFILE, &limit, nullptr));
  });
  rlimit now{};
  ASSERT_EQ(::prlimit(target(), RLIMIT_NOFILE, nullptr, &now), 0);
  EXPECT_EQ(now.rlim_cur, 77u) << "what the sensor says of this class is too little";
  Ends(WEIR_G_SIGNAL, target_value(),
       [this] { return ErrnoOf(::setpriority(PRIO_PROCESS, static_cast<id_t>(target()), 5)); });
  Ends(WEIR_G_SIGNAL, target_value(), [this] {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(0, &set);
    return ErrnoOf(::sched_setaffinity(target(), sizeof(set), &set));
  });
  Passes([this] {
    rlimit limit{};
    return ErrnoOf(::prlimit(target(), RLIMIT_NOFILE, nullptr, &limit));
  });
}

TEST_F(Fallback, EndsWhoStopsATraceeWhichStaysStopped) {
  Protect(WEIR_P_SENSOR);
  Ends(WEIR_G_PTRACE, target_value(), [this] { return ErrnoOf(::ptrace(PTRACE_ATTACH, target(), nullptr, nullptr)); });
  int status = 0;
  ASSERT_EQ(::waitpid(target(), &status, WUNTRACED), target());
  EXPECT_TRUE(WIFSTOPPED(status));
}

// ---- memory ----

TEST_F(Fallback, EndsWhoReadsMemoryBeforeItHasIt) {
  Protect(WEIR_P_RUNNER);
  static char secret[] = "token";
  const auto read = [this] {
    const iovec here{trace_->bytes, sizeof(secret)}, there{secret, sizeof(secret)};
    return ErrnoOf(::process_vm_readv(target(), &here, 1, &there, 1, 0));
  };
  Holds(WEIR_G_RUNNER_MEMORY, target_value(), read);
  EXPECT_EQ(trace().bytes[0], 0) << "it went into memory that others share";
}

TEST_F(Fallback, EndsWhoTracesOrTakesDescriptors) {
  Protect(WEIR_P_SENSOR);
  Ends(WEIR_G_PTRACE, target_value(), [this] { return ErrnoOf(::ptrace(PTRACE_SEIZE, target(), nullptr, nullptr)); });
  Ends(WEIR_G_PTRACE, target_value(), [this] {
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, target(), 0)));
    return ErrnoOf(::syscall(SYS_pidfd_getfd, pidfd.get(), 0, 0));
  });
  Passes([] {
    const pid_t own = ::fork();
    if (own == 0) {
      ::pause();
      ::_exit(0);
    }
    if (::ptrace(PTRACE_SEIZE, own, nullptr, nullptr) != 0 || ::kill(own, SIGKILL) != 0) return errno;
    int status = 0;
    return ErrnoOf(::waitpid(own, &status, 0));
  });
}

TEST_F(Fallback, EndsWhoSamplesEverybody) {
  const auto sample = [](pid_t pid, int cpu) {
    perf_event_attr event{};
    event.type = PERF_TYPE_SOFTWARE;
    event.size = sizeof(event);
    event.config = PERF_COUNT_SW_CPU_CLOCK;
    const Fd fd(static_cast<int>(::syscall(SYS_perf_event_open, &event, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC)));
    return fd ? 0 : errno;
  };
  Holds(WEIR_G_MEMORY, 0, [&] { return sample(-1, 0); });
  Passes([&] { return sample(0, -1); });
}

// ---- the kernel ----

// Not a module: nothing is loaded. What counts is that it is ended although the kernel refuses it, and only when it
// could.
TEST_F(Fallback, EndsWhoLoadsAModule) {
  const auto load = [] {
    const char nothing[256] = {};
    return ErrnoOf(::syscall(SYS_init_module, nothing, sizeof(nothing), ""));
  };
  Ends(WEIR_G_MODULES, 2, load);
  Passes([&] {
    if (::setuid(65534) != 0) return errno;
    return load() != 0 ? 0 : EIO;
  });
}

// The kernel starts /sbin/request-key for who asks, whatever becomes of that process.
TEST_F(Fallback, EndsWhoAsksForAKeyThatSomebodyMustMake) {
  const auto ask = [](const char* told) {
    const long key = ::syscall(SYS_request_key, "user", "weir:fallback", told, -2 /* KEY_SPEC_PROCESS_KEYRING */);
    return key < 0 && errno == ENOKEY ? 0 : errno;
  };
  if (Outside([&] { return ask(nullptr); }) != 0) GTEST_SKIP() << "this kernel has no keys";
  Ends(WEIR_G_HELPERS, WEIR_HELPER_KEY, [&] { return ask("x"); });
  Passes([&] { return ask(nullptr); });
}

TEST_F(Fallback, EndsWhoReachesForOurObjects) {
  const auto get = [](const std::string& pin) {
    bpf_attr attr{};
    attr.pathname = reinterpret_cast<std::uint64_t>(pin.c_str());
    const Fd fd(static_cast<int>(::syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr))));
    return fd ? 0 : errno;
  };
  const std::string ours = world_->world().pins().path() + "/weir_guards";
  Holds(WEIR_G_BPF, BPF_OBJ_GET, [&] { return get(ours); });
  bpf_prog_info info{};
  std::uint32_t length = sizeof(info);
  ASSERT_EQ(bpf_obj_get_info_by_fd(world_->AProgram(), &info, &length), 0);
  Holds(WEIR_G_BPF, BPF_PROG_GET_FD_BY_ID, [&] {
    const Fd fd(bpf_prog_get_fd_by_id(info.id));
    return fd ? 0 : errno;
  });
  // Looking, and maps of its own.
  Passes([] {
    std::uint32_t id = 0;
    if (bpf_prog_get_next_id(0, &id) != 0) return errno;
    const Fd map(bpf_map_create(BPF_MAP_TYPE_ARRAY, "own", 4, 4, 1, nullptr));
    return map ? 0 : errno;
  });
}

int LoadFilter() { return LoadProgram(BPF_PROG_TYPE_SCHED_CLS) ? 0 : errno; }

TEST_F(Fallback, EndsWhoLoadsAProgramInBlockMode) { Holds(WEIR_G_BPF, BPF_PROG_LOAD, LoadFilter); }

TEST_F(Fallback, LetsAJobRuleTheDevicesOfItsContainers) {
  const std::string own = world_->world().job().path(), others = world_->world().root().path();
  Passes([&] { return RuleDevices(own); });
  Holds(WEIR_G_BPF, BPF_PROG_ATTACH, [&] { return RuleDevices(others); });
}

// A world of its own: while a test runs, its processes hold the links of the one that it has.
class FallbackInAuditMode : public Fallback {
 protected:
  static void SetUpTestSuite() { Start(WEIR_MODE_AUDIT); }
};

TEST_F(FallbackInAuditMode, LetsAJobLoadItsOwnPrograms) { Passes(LoadFilter); }

// ---- namespaces, mounts and names ----

TEST_F(Fallback, EndsWhoComesBackToTheHostsNetwork) {
  struct stat host {};
  ASSERT_EQ(::stat("/proc/self/ns/net", &host), 0);
  const auto back = [] {
    const Fd home(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    if (::unshare(CLONE_NEWNET) != 0) return errno;
    return ErrnoOf(::setns(home.get(), CLONE_NEWNET));
  };
  Holds(WEIR_G_NETNS, host.st_ino, back);
  Passes([] {
    const Fd home(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    return ErrnoOf(::setns(home.get(), CLONE_NEWNET));
  });
}

TEST_F(Fallback, EndsWhoTakesAwayNamesAsTheyAreWritten) {
  const fs::path own = directory_ / "own";
  fs::create_directories(own);
  OwnPath(WEIR_G_MOUNT, own);
  const auto remake = [&] { std::ofstream(own / "pin") << "x"; };
  remake();
  Ends(WEIR_G_MOUNT, 0, [&] { return ErrnoOf(::unlink((own / "pin").c_str())); });
  EXPECT_FALSE(fs::exists(own / "pin")) << "what the sensor says of this class is too little";
  remake();
  Ends(WEIR_G_MOUNT, 0, [&] { return ErrnoOf(::rename((own / "pin").c_str(), (directory_ / "x").c_str())); });
  Ends(WEIR_G_MOUNT, 0, [&] {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
    return ErrnoOf(::mount("none", own.c_str(), "tmpfs", 0, nullptr));
  });
  // Names beside it, and names that are not there.
  std::ofstream(directory_ / "own-not") << "x";
  Passes([&] { return ErrnoOf(::unlink((directory_ / "own-not").c_str())); });
  Passes([&] { return ErrnoOf(::unlink((own / "nothing").c_str())) == ENOENT ? 0 : EIO; });
}

TEST_F(Fallback, JudgesARelativeNameByTheDirectoryItself) {
  ASSERT_TRUE(world_->Guard(directory_, WEIR_G_SENSOR_FILES, WEIR_GF_WRITE_ONLY | WEIR_GF_BELOW));
  const auto below = [&] {
    if (::chdir(directory_.c_str()) != 0) return errno;
    return ErrnoOf(::unlinkat(AT_FDCWD, "secret", 0));
  };
  Ends(WEIR_G_SENSOR_FILES, InodeOf(directory_), below);
  ASSERT_TRUE(world_->Unguard(directory_));
  std::ofstream(directory_ / "secret") << "token";
  Passes(below);
}

TEST_F(Fallback, EndsWhoUnmountsWhatHoldsOurs) {
  const fs::path mounted = directory_ / "mounted";
  fs::create_directories(mounted);
  OwnPath(WEIR_G_MOUNT, mounted / "weir");
  ASSERT_EQ(::mount("none", mounted.c_str(), "tmpfs", 0, nullptr), 0);
  Ends(WEIR_G_MOUNT, 0, [&] { return ErrnoOf(::umount2(mounted.c_str(), MNT_DETACH)); });
  EXPECT_NE(::umount2(mounted.c_str(), MNT_DETACH), 0) << "what the sensor says of this class is too little";
}

}  // namespace
}  // namespace weir::lab
