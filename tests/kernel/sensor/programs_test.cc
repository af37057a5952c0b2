// SPDX-License-Identifier: Apache-2.0
// Loading, pinning and adopting with the real kernel, below a cgroup of the test's own.
#include "sensor/bpf/programs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "bpf/abi.h"
#include "sensor/bpf/kept.h"
#include "sensor/bpf/policy_maps.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/pin_dir.h"
#include "tests/kernel/lab/says.h"

namespace weir::sensor_bpf {
namespace {

namespace fs = std::filesystem;

class ProgramsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto cgroup = lab::TempCgroup::Create("weir-programs");
    ASSERT_TRUE(cgroup) << cgroup.error().what;
    cgroup_.emplace(std::move(*cgroup));
    auto pins = lab::PinDir::Create();
    ASSERT_TRUE(pins) << pins.error().what;
    pins_.emplace(std::move(*pins));
  }

  [[nodiscard]] ProgramsOptions Options() const {
    return {cgroup_->path(), fs::path(pins_->path()) / "weir", 65536, 65536};
  }

  [[nodiscard]] int AttachedHere() const {
    std::uint32_t total = 0;
    for (const bpf_attach_type type : {BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET_SOCK_CREATE}) {
      std::uint32_t ids[16], count = 16, flags = 0;
      if (bpf_prog_query(cgroup_->fd(), type, 0, &flags, ids, &count) == 0) total += count;
    }
    return static_cast<int>(total);
  }

  std::optional<lab::TempCgroup> cgroup_;
  std::optional<lab::PinDir> pins_;
};

TEST_F(ProgramsTest, AttachesEveryProgramAndDescribesIt) {
  auto programs = Programs::Open(Options());
  ASSERT_TRUE(programs) << programs.error().what;
  EXPECT_FALSE(programs->adopted());
  const auto described = programs->Describe();
  EXPECT_GE(described.size(), 12u);
  for (const ProgramInfo& program : described) {
    EXPECT_TRUE(program.attached) << program.name;
    EXPECT_EQ(program.tag.size(), 16u) << program.name;
    EXPECT_FALSE(program.attach.empty()) << program.name;
  }
  EXPECT_EQ(AttachedHere(), 3);
  EXPECT_TRUE(programs->Remove());
  EXPECT_FALSE(fs::exists(Options().pin_directory));
  EXPECT_EQ(AttachedHere(), 0);
}

TEST_F(ProgramsTest, IsAdoptedFromWhatSomebodyKeptWhenThePinsAreGone) {
  std::uint64_t seed = 0;
  {
    auto programs = Programs::Open(Options());
    ASSERT_TRUE(programs) << programs.error().what;
    seed = programs->name_seed();
  }
  std::vector<KeptFd> kept = OpenPins(Options().pin_directory);
  EXPECT_EQ(RestorePins(Options().pin_directory, kept), 0u) << "what is pinned is left alone";
  fs::remove_all(Options().pin_directory);
  EXPECT_EQ(AttachedHere(), 3) << "who keeps the links keeps the programs";

  EXPECT_EQ(RestorePins(Options().pin_directory, kept), kept.size());
  kept.clear();
  auto programs = Programs::Open(Options());
  ASSERT_TRUE(programs) << programs.error().what;
  EXPECT_TRUE(programs->adopted());
  EXPECT_EQ(programs->name_seed(), seed);
  EXPECT_EQ(AttachedHere(), 3) << "replaced, not doubled";
  EXPECT_TRUE(programs->Remove());
  EXPECT_EQ(AttachedHere(), 0);
}

TEST_F(ProgramsTest, StaysAttachedWithoutTheSensorAndIsAdopted) {
  std::uint64_t seed = 0;
  std::uint32_t first_scope = 0;
  {
    auto programs = Programs::Open(Options());
    ASSERT_TRUE(programs) << programs.error().what;
    seed = programs->name_seed();
    first_scope = programs->NextScopeId().value();
    auto maps = PolicyMaps::Of(*programs);
    ASSERT_TRUE(maps) << maps.error().what;
    weir_scope scope{};
    scope.mode = WEIR_MODE_BLOCK;
    ASSERT_TRUE(maps->WriteScope(first_scope, scope));
  }
  EXPECT_EQ(AttachedHere(), 3) << "pinned links must outlive the sensor";

  auto programs = Programs::Open(Options());
  ASSERT_TRUE(programs) << programs.error().what;
  EXPECT_TRUE(programs->adopted());
  EXPECT_EQ(programs->name_seed(), seed);
  EXPECT_EQ(AttachedHere(), 3) << "replaced, not added";
  EXPECT_GT(programs->NextScopeId().value(), first_scope) << "a scope id is never given twice";
  auto maps = PolicyMaps::Of(*programs);
  ASSERT_TRUE(maps);
  EXPECT_EQ(maps->Scopes().value(), std::vector<std::uint32_t>{first_scope});
  for (const ProgramInfo& program : programs->Describe()) EXPECT_TRUE(program.attached) << program.name;
  EXPECT_TRUE(programs->Remove());
}

TEST_F(ProgramsTest, KeepsTheSizeOfAnAdoptedRing) {
  auto options = Options();
  { ASSERT_TRUE(Programs::Open(options)); }
  options.events_ring_bytes = 1u << 20;
  auto programs = Programs::Open(options);
  ASSERT_TRUE(programs) << programs.error().what;
  bpf_map_info info{};
  std::uint32_t length = sizeof(info);
  ASSERT_EQ(bpf_obj_get_info_by_fd(programs->MapFd("weir_events"), &info, &length), 0);
  EXPECT_EQ(info.max_entries, 65536u);
  EXPECT_TRUE(programs->Remove());
}

TEST_F(ProgramsTest, RefusesASecondSensorOnTheSamePins) {
  auto first = Programs::Open(Options());
  ASSERT_TRUE(first) << first.error().what;
  auto second = Programs::Open(Options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
  EXPECT_EQ(AttachedHere(), 3);
  EXPECT_TRUE(first->Remove());
}

TEST_F(ProgramsTest, ClearsTheRuinOfAStartThatDidNotEnd) {
  const fs::path pin_directory = Options().pin_directory;
  fs::create_directories(pin_directory);
  fs::permissions(pin_directory, fs::perms::owner_all);
  Fd foreign(bpf_map_create(BPF_MAP_TYPE_ARRAY, "weir_scopes", 4, 4, 1, nullptr));
  ASSERT_TRUE(foreign);
  ASSERT_EQ(bpf_obj_pin(foreign.get(), (pin_directory / "weir_scopes").c_str()), 0);
  auto programs = Programs::Open(Options());
  ASSERT_TRUE(programs) << programs.error().what;
  EXPECT_FALSE(programs->adopted());
  EXPECT_TRUE(programs->Remove());
}

TEST_F(ProgramsTest, LeavesNothingBehindWhenAStartFails) {
  auto options = Options();
  options.events_ring_bytes = 0x80000001u;  // no power of two, and too big for libbpf to round up: the kernel refuses
  auto programs = Programs::Open(options);
  ASSERT_FALSE(programs);
  EXPECT_FALSE(fs::exists(options.pin_directory));
  EXPECT_EQ(AttachedHere(), 0);
}

TEST_F(ProgramsTest, RefusesACgroupRootThatIsNone) {
  auto options = Options();
  options.cgroup_root = "/tmp";
  auto programs = Programs::Open(options);
  ASSERT_FALSE(programs);
  EXPECT_EQ(programs.error().code, Code::kInvalid);
  EXPECT_FALSE(fs::exists(options.pin_directory));
}

TEST_F(ProgramsTest, RefusesAPinDirectoryOutsideBpffs) {
  auto options = Options();
  options.pin_directory = "/tmp/weir-not-bpffs";
  auto programs = Programs::Open(options);
  ASSERT_FALSE(programs);
  EXPECT_EQ(programs.error().code, Code::kInvalid);
}

TEST_F(ProgramsTest, NamesTheMissingCapability) {
  const auto options = Options();
  int pipe_fds[2];
  ASSERT_EQ(::pipe(pipe_fds), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setuid(65534) != 0) ::_exit(2);
    auto programs = Programs::Open(options);
    if (programs || programs.error().code != Code::kPrivilege) ::_exit(3);
    (void)!::write(pipe_fds[1], programs.error().what.data(), programs.error().what.size());
    ::_exit(0);
  }
  ::close(pipe_fds[1]);
  char text[1024] = {};
  const ssize_t length = ::read(pipe_fds[0], text, sizeof(text) - 1);
  ::close(pipe_fds[0]);
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  ASSERT_GT(length, 0);
  EXPECT_NE(std::string(text).find("CAP_SYS_ADMIN"), std::string::npos) << text;
  EXPECT_NE(std::string(text).find("root"), std::string::npos) << text;
}

TEST_F(ProgramsTest, SaysWhenALinkWasDetachedByForce) {
  auto programs = Programs::Open(Options());
  ASSERT_TRUE(programs) << programs.error().what;
  Fd link(bpf_obj_get((Options().pin_directory / "links" / "weir_connect4").c_str()));
  ASSERT_TRUE(link);
  ASSERT_EQ(bpf_link_detach(link.get()), 0);
  int detached = 0;
  for (const ProgramInfo& program : programs->Describe()) {
    if (program.attached) continue;
    EXPECT_EQ(program.name, "weir_connect4");
    ++detached;
  }
  EXPECT_EQ(detached, 1);
  lab::SaySeen("Describe() names the program that is not attached");
  link.Reset();
  { Programs gone = std::move(*programs); }

  auto again = Programs::Open(Options());
  ASSERT_TRUE(again) << again.error().what;
  for (const ProgramInfo& program : again->Describe()) EXPECT_TRUE(program.attached) << program.name;
  EXPECT_TRUE(again->Remove());
}

}  // namespace
}  // namespace weir::sensor_bpf
