// SPDX-License-Identifier: Apache-2.0
// What the sensor says of the guard on this kernel: proven where every program runs, and never more than that.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "policy/guard.h"
#include "sensor/guard/guard.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/pin_dir.h"

namespace weir::guard {
namespace {

namespace fs = std::filesystem;

class GuardState : public testing::Test {
 protected:
  void SetUp() override {
    auto cgroup = lab::TempCgroup::Create("weir-guard");
    ASSERT_TRUE(cgroup) << cgroup.error().what;
    cgroup_.emplace(std::move(*cgroup));
    auto pins = lab::PinDir::Create();
    ASSERT_TRUE(pins) << pins.error().what;
    pins_.emplace(std::move(*pins));
    char state[] = "/tmp/weir-guard-XXXXXX";
    ASSERT_NE(::mkdtemp(state), nullptr);
    state_ = state;
    auto programs = sensor_bpf::Programs::Open({cgroup_->path(), fs::path(pins_->path()) / "weir", 65536, 65536});
    ASSERT_TRUE(programs) << programs.error().what;
    programs_.emplace(std::move(*programs));
    auto maps = sensor_bpf::PolicyMaps::Of(*programs_);
    ASSERT_TRUE(maps) << maps.error().what;
    maps_.emplace(std::move(*maps));
    auto guard = Guard::Create(*programs_, *maps_, {cgroup_->path(), fs::path(pins_->path()) / "weir", state_});
    ASSERT_TRUE(guard) << guard.error().what;
    guard_.emplace(std::move(*guard));
  }
  void TearDown() override {
    guard_.reset();
    if (programs_) {
      EXPECT_TRUE(programs_->Remove());
    }
    fs::remove_all(state_);
  }

  std::optional<lab::TempCgroup> cgroup_;
  std::optional<lab::PinDir> pins_;
  fs::path state_;
  std::optional<sensor_bpf::Programs> programs_;
  std::optional<sensor_bpf::PolicyMaps> maps_;
  std::optional<Guard> guard_;
};

TEST_F(GuardState, IsProvenForEachClassOrSaysWhatIsMissing) {
  ASSERT_EQ(guard_->states().size(), WEIR_GUARD_CLASSES);
  const bool all_run = programs_->missing_guards().empty();
  for (const sensor_bpf::NotLoaded& absent : programs_->missing_guards())
    EXPECT_FALSE(absent.why.empty()) << absent.program;
  std::size_t full = 0;
  for (const ClassState& state : guard_->states()) {
    const std::string name(policy::GuardClassOf(state.number)->name);
    std::printf("guard %s: %s%s%s\n", name.c_str(), std::string(StateName(state.state)).c_str(),
                state.why.empty() ? "" : ", ", state.why.c_str());
    EXPECT_EQ(state.state == State::kFull, state.why.empty()) << name;
    if (state.state == State::kFull) ++full;
    if (all_run) {
      EXPECT_EQ(state.state, State::kFull) << name << ": " << state.why;
    }
  }
  if (!all_run) {
    EXPECT_LT(full, WEIR_GUARD_CLASSES);
  }
}

TEST_F(GuardState, TheProbeLeavesNothingBehind) {
  EXPECT_FALSE(fs::exists(state_ / "guard-probe"));
  EXPECT_TRUE(maps_->Scopes()->empty());
  fs::directory_iterator jobs(fs::path(cgroup_->path()) / "weir");
  for (const auto& entry : jobs) EXPECT_FALSE(entry.is_directory()) << entry.path();
}

}  // namespace
}  // namespace weir::guard
