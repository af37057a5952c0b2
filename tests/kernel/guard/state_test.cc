// SPDX-License-Identifier: Apache-2.0
// What the sensor says of the guard on this kernel: proven where every program runs, and never more than that.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "policy/guard.h"
#include "sensor/base/fd.h"
#include "sensor/bpf/map.h"
#include "sensor/guard/guard.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/pin_dir.h"
#include "tests/kernel/lab/says.h"

namespace weir::guard {
namespace {

namespace fs = std::filesystem;

class GuardState : public testing::Test {
 protected:
  // One set of programs for all cases: the verifier takes ten seconds of an emulated CPU. A guard is made anew for
  // each, and forgets what the one before has left.
  static void SetUpTestSuite() {
    auto cgroup = lab::TempCgroup::Create("weir-guard");
    ASSERT_TRUE(cgroup) << cgroup.error().what;
    cgroup_.emplace(std::move(*cgroup));
    auto pins = lab::PinDir::Create();
    ASSERT_TRUE(pins) << pins.error().what;
    pins_.emplace(std::move(*pins));
    auto programs = sensor_bpf::Programs::Open({cgroup_->path(), fs::path(pins_->path()) / "weir", 65536, 65536});
    ASSERT_TRUE(programs) << programs.error().what;
    programs_.emplace(std::move(*programs));
    auto maps = sensor_bpf::PolicyMaps::Of(*programs_);
    ASSERT_TRUE(maps) << maps.error().what;
    maps_.emplace(std::move(*maps));
  }
  static void TearDownTestSuite() {
    if (programs_) {
      EXPECT_TRUE(programs_->Remove());
    }
    maps_.reset();
    programs_.reset();
    pins_.reset();
    cgroup_.reset();
  }
  void SetUp() override {
    ASSERT_TRUE(maps_);
    char state[] = "/tmp/weir-guard-XXXXXX";
    ASSERT_NE(::mkdtemp(state), nullptr);
    state_ = state;
    root_ = state_.string() + "-root";
    StartGuard();
  }
  void StartGuard() {
    guard_.reset();
    auto guard = Guard::Create(*programs_, *maps_,
                               {cgroup_->path(), cgroup_->path(), fs::path(pins_->path()) / "weir", state_, root_});
    ASSERT_TRUE(guard) << guard.error().what;
    guard_.emplace(std::move(*guard));
  }
  void TearDown() override {
    guard_.reset();
    fs::remove_all(state_);
    fs::remove_all(root_);
  }

  /// A service listens at a path below the root of the test's own. Closing the socket does not take the path away.
  void Serve(const std::string& path) {
    fs::create_directories((root_ / path).parent_path());
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, (root_ / path).c_str(), sizeof(at.sun_path) - 1);
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
  }
  template <typename V, typename K>
  std::optional<V> Row(const char* map, const K& key) {
    return sensor_bpf::Map<K, V>(programs_->MapFd(map), map).Get(key).value();
  }
  std::optional<weir_guarded> Guarded(const weir_guarded_key& file) { return Row<weir_guarded>("weir_guarded", file); }
  /// 1: allowed by the policy, 2: denied by it; nullopt: it has no word.
  std::optional<std::uint32_t> Word(const weir_guarded_key& file) {
    return Row<std::uint32_t>("weir_sockets", weir_socket_key{file.dev, file.inode, kScope, 0});
  }
  policy::CompiledPolicy Allowing(const std::string& path) {
    policy::CompiledPolicy policy;
    policy.sockets = {{(root_ / path).string(), "allow"}};
    return policy;
  }

  static constexpr std::uint32_t kScope = 77;
  fs::path root_;

  fs::path state_;
  std::optional<Guard> guard_;

  static inline std::optional<lab::TempCgroup> cgroup_;
  static inline std::optional<lab::PinDir> pins_;
  static inline std::optional<sensor_bpf::Programs> programs_;
  static inline std::optional<sensor_bpf::PolicyMaps> maps_;
};

TEST_F(GuardState, IsProvenForEachClassOrSaysWhatIsMissing) {
  ASSERT_EQ(guard_->states().size(), WEIR_GUARD_CLASSES);
  const bool all_run = programs_->missing_guards().empty();
  for (const sensor_bpf::NotLoaded& absent : programs_->missing_guards())
    EXPECT_FALSE(absent.why.empty()) << absent.program;
  std::size_t full = 0;
  for (const ClassState& state : guard_->states()) {
    const std::string name(policy::GuardClassOf(state.number)->name);
    lab::SayGuard(name, std::string(StateName(state.state)) + (state.why.empty() ? "" : ", " + state.why));
    EXPECT_EQ(state.state == State::kFull, state.why.empty()) << name;
    if (state.state == State::kFull) ++full;
    if (all_run) {
      EXPECT_EQ(state.state, State::kFull) << name << ": " << state.why;
    }
  }
  if (!all_run) {
    EXPECT_LT(full, WEIR_GUARD_CLASSES);
  }
  EXPECT_FALSE(fs::exists(state_ / "guard-probe")) << "the probe leaves nothing behind";
  EXPECT_TRUE(maps_->Scopes()->empty());
  for (const auto& entry : fs::directory_iterator(fs::path(cgroup_->path()) / "weir"))
    EXPECT_FALSE(entry.is_directory()) << entry.path();
}

// It costs every system call of the host a little, so nobody pays while no job is there.
TEST_F(GuardState, TheFallbackIsAttachedWhileAJobLivesAndOnlyWhereItIsNeeded) {
  const auto attached = [this] {
    const auto all = programs_->Describe();
    return std::count_if(all.begin(), all.end(),
                         [](const auto& program) { return program.name.starts_with("weir_fb_") && program.attached; });
  };
  const auto pinned = [this] { return fs::exists(fs::path(pins_->path()) / "weir/links/weir_fb_exit"); };
  const bool needed = programs_->fallback().runs;
  EXPECT_EQ(attached(), 0);
  EXPECT_FALSE(pinned());
  ASSERT_TRUE(guard_->Begin(kScope, {}, Reach::kJob));
  EXPECT_EQ(attached(), needed ? 3 : 0);
  EXPECT_EQ(pinned(), needed);
  ASSERT_TRUE(guard_->Refresh(true));
  EXPECT_EQ(attached(), needed ? 3 : 0) << "the job is still there";
  const sensor_bpf::Map<std::uint32_t, weir_guard_scope> scopes(programs_->MapFd("weir_guards"), "weir_guards");
  ASSERT_TRUE(scopes.Remove(kScope));
  ASSERT_TRUE(guard_->Refresh(false));
  EXPECT_EQ(attached(), 0);
  EXPECT_FALSE(pinned());
}

TEST_F(GuardState, ADeputyThatIsTakenFromItsPlaceStaysGuardedWhileAJobLives) {
  Serve("run/docker.sock");
  const auto socket = IdentityOf(root_ / "run/docker.sock").value();
  ASSERT_TRUE(guard_->Refresh(false));
  ASSERT_TRUE(Guarded(socket));
  EXPECT_EQ(Guarded(socket)->guard_class, WEIR_G_SOCKETS);
  // Its directory has another name now, where no rule of the kernel's side looks.
  fs::rename(root_ / "run", root_ / "run2");
  ASSERT_TRUE(guard_->Refresh(true));
  EXPECT_TRUE(Guarded(socket)) << "a root job could rename what is above it";
  ASSERT_TRUE(guard_->Refresh(false));
  EXPECT_FALSE(Guarded(socket)) << "the inode may be another file's some day";
}

TEST_F(GuardState, AWordAboutOnePathIsNoneAboutAnotherSocket) {
  Serve("run/docker.sock");
  Serve("run/podman/podman.sock");
  const auto docker = IdentityOf(root_ / "run/docker.sock").value();
  const auto podman = IdentityOf(root_ / "run/podman/podman.sock").value();
  const policy::CompiledPolicy policy = Allowing("run/podman/podman.sock");
  ASSERT_TRUE(guard_->Refresh(false));
  ASSERT_TRUE(guard_->Begin(kScope, policy, Reach::kJob));
  EXPECT_EQ(Word(podman), 1u);
  EXPECT_EQ(Word(docker), std::nullopt);
  // A root job puts the other one there: by a link, and by moving it.
  fs::remove(root_ / "run/podman/podman.sock");
  fs::create_symlink(root_ / "run/docker.sock", root_ / "run/podman/podman.sock");
  ASSERT_TRUE(guard_->Refresh(true));
  ASSERT_TRUE(guard_->RefreshSockets(kScope, policy, Reach::kJob));
  EXPECT_EQ(Word(docker), std::nullopt);
  fs::rename(root_ / "run/docker.sock", root_ / "run/podman/podman.sock");
  ASSERT_TRUE(guard_->Refresh(true));
  ASSERT_TRUE(guard_->RefreshSockets(kScope, policy, Reach::kJob));
  EXPECT_EQ(Word(docker), std::nullopt) << "it was seen at a path that the policy does not allow";
  EXPECT_TRUE(Guarded(docker));
  ASSERT_TRUE(guard_->Refresh(false));
  EXPECT_EQ(Word(podman), std::nullopt) << "no job, no word";
}

TEST_F(GuardState, ServicesThatAreJudgedWithTheHostMayBeSpokenTo) {
  for (const char* path : {"run/docker.sock", "run/containerd/containerd.sock", "run/dbus/system_bus_socket"})
    Serve(path);
  const auto docker = IdentityOf(root_ / "run/docker.sock").value();
  const auto containerd = IdentityOf(root_ / "run/containerd/containerd.sock").value();
  const auto bus = IdentityOf(root_ / "run/dbus/system_bus_socket").value();
  policy::CompiledPolicy policy;
  policy.sockets = {{(root_ / "run/containerd/containerd.sock").string(), "deny"}};
  ASSERT_TRUE(guard_->Refresh(false));
  ASSERT_TRUE(guard_->Begin(kScope, policy, Reach::kHost));
  EXPECT_EQ(Word(docker), 1u);
  EXPECT_EQ(Word(containerd), 2u) << "the policy goes first";
  EXPECT_EQ(Word(bus), std::nullopt) << "what systemd starts for it may be exempt";
  // A root job puts the bus where the engine was.
  fs::rename(root_ / "run/dbus/system_bus_socket", root_ / "run/docker.sock");
  ASSERT_TRUE(guard_->Refresh(true));
  ASSERT_TRUE(guard_->RefreshSockets(kScope, policy, Reach::kHost));
  EXPECT_EQ(Word(bus), std::nullopt);
}

TEST_F(GuardState, NothingFoundByPathReplacesWhatIsOurs) {
  const auto state = IdentityOf(state_).value();
  fs::create_directories(root_ / "run");
  fs::create_symlink(state_, root_ / "run/docker.sock");
  Serve("run/x");
  for (const bool jobs_live : {true, false}) {
    ASSERT_TRUE(guard_->Refresh(jobs_live));
    ASSERT_TRUE(Guarded(state));
    EXPECT_EQ(Guarded(state)->guard_class, WEIR_G_SENSOR_FILES);
    EXPECT_EQ(Guarded({state.dev, 0})->guard_class, WEIR_G_SENSOR_FILES);
  }
}

TEST_F(GuardState, AHelperIsGuardedWithTheLinkThatLeadsToIt) {
  fs::create_directories(root_ / "usr/bin");
  fs::create_directories(root_ / "sbin");
  std::ofstream(root_ / "usr/bin/keys") << "#!";
  fs::create_symlink("../usr/bin/keys", root_ / "sbin/request-key");
  ASSERT_TRUE(guard_->Refresh(true));
  for (const auto& id :
       {IdentityOf(root_ / "usr/bin/keys").value(), LinkIdentityOf(root_ / "sbin/request-key").value()}) {
    ASSERT_TRUE(Guarded(id));
    EXPECT_EQ(Guarded(id)->guard_class, WEIR_G_HELPERS);
    EXPECT_EQ(Guarded(id)->flags, WEIR_GF_WRITE_ONLY);
  }
}

TEST_F(GuardState, ForgetsWhatAnEarlierSensorLeft) {
  const sensor_bpf::Map<std::uint32_t, weir_protected> processes(programs_->MapFd("weir_protected"), "weir_protected");
  ASSERT_TRUE(processes.Put(4194303, weir_protected{0, WEIR_P_SENSOR, 0}));
  ASSERT_TRUE(processes.Put(4194302, weir_protected{0, WEIR_P_RUNNER, 0}));
  const sensor_bpf::Map<weir_guarded_key, weir_guarded> files(programs_->MapFd("weir_guarded"), "weir_guarded");
  ASSERT_TRUE(files.Put({1, 1}, {WEIR_G_SOCKETS, 0}));
  StartGuard();
  ASSERT_TRUE(guard_->Refresh(false));
  EXPECT_FALSE(*processes.Get(4194303));
  EXPECT_FALSE(*processes.Get(4194302));
  EXPECT_FALSE(Guarded({1, 1}));
  const auto own = processes.Get(static_cast<std::uint32_t>(::getpid())).value();
  ASSERT_TRUE(own);
  EXPECT_EQ(own->who, WEIR_P_SENSOR);
  EXPECT_NE(own->start_ns, 0u) << "who gets our number later is not us";
}

TEST_F(GuardState, SaysWhenATableIsFull) {
  const sensor_bpf::Map<weir_guarded_key, weir_guarded> files(programs_->MapFd("weir_guarded"), "weir_guarded");
  std::uint64_t inode = 1;
  while (files.Put({1, inode}, {WEIR_G_SOCKETS, 0})) ++inode;
  Serve("run/docker.sock");
  const auto done = guard_->Refresh(true);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kExhausted);
}

}  // namespace
}  // namespace weir::guard
