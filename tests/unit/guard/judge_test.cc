// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/judge.h"

#include <gtest/gtest.h>

#include <guard.skel.h>
#include <cerrno>
#include <memory>
#include <set>
#include <string>

#include "sensor/bpf/fit.h"
#include "sensor/guard/attempts.h"

namespace weir::guard {
namespace {

Outcomes AllDenied() {
  Outcomes outcomes;
  for (Outcome& outcome : outcomes) outcome = {true, EPERM, false, 1};
  return outcomes;
}

ClassState Of(const Outcomes& outcomes, std::uint32_t number, const std::vector<sensor_bpf::NotLoaded>& missing = {},
              const std::string& no_probe = {}) {
  return Judge(outcomes, missing, {}, no_probe).at(number);
}

TEST(GuardJudge, IsFullWhereTheProbeWasDenied) {
  const auto states = Judge(AllDenied(), {}, {}, "");
  ASSERT_EQ(states.size(), WEIR_GUARD_CLASSES);
  for (const ClassState& state : states) EXPECT_EQ(state.state, State::kFull) << state.number << " " << state.why;
}

TEST(GuardJudge, AttachedIsNotProtected) {
  Outcomes outcomes = AllDenied();
  outcomes[WEIR_G_BPF] = {true, 0, false, 0};
  const ClassState state = Of(outcomes, WEIR_G_BPF);
  EXPECT_EQ(state.state, State::kOff);
  EXPECT_NE(state.why.find("not denied"), std::string::npos);
}

TEST(GuardJudge, ARefusalBySomebodyElseProvesNothing) {
  Outcomes outcomes = AllDenied();
  outcomes[WEIR_G_BPF] = {true, EPERM, false, 0};  // a missing capability, say
  EXPECT_EQ(Of(outcomes, WEIR_G_BPF).state, State::kPartial);
  outcomes[WEIR_G_BPF] = {true, ENOENT, false, 0};
  const ClassState state = Of(outcomes, WEIR_G_BPF);
  EXPECT_EQ(state.state, State::kPartial);
  EXPECT_NE(state.why.find("No such file"), std::string::npos);
}

TEST(GuardJudge, SaysWhatDoesNotRun) {
  const ClassState state = Of(AllDenied(), WEIR_G_BPF, {{"weir_guard_bpf", "no such hook here"}});
  EXPECT_EQ(state.state, State::kOff);
  EXPECT_EQ(state.why, "no such hook here");
  const ClassState part = Of(AllDenied(), WEIR_G_SYSCTL, {{"weir_g_open", "refused"}});
  EXPECT_EQ(part.state, State::kPartial);
  EXPECT_EQ(part.why, "weir_g_open does not run: refused");
  Outcomes outcomes = AllDenied();
  outcomes[WEIR_G_MEMORY] = {true, ENOENT, false, 0};
  const ClassState both = Of(outcomes, WEIR_G_MEMORY, {{"weir_g_open", "refused"}});
  EXPECT_EQ(both.state, State::kPartial);
  EXPECT_NE(both.why.find("No such file"), std::string::npos);
  EXPECT_NE(both.why.find("weir_g_open does not run"), std::string::npos) << "both reasons";
}

TEST(GuardJudge, WithoutAProbeNothingIsProven) {
  const ClassState state = Of({}, WEIR_G_BPF, {}, "out of memory");
  EXPECT_EQ(state.state, State::kPartial);
  EXPECT_NE(state.why.find("out of memory"), std::string::npos);
}

/// A host on which no program on a kernel function runs.
std::vector<sensor_bpf::NotLoaded> NothingOnFunctions() {
  std::vector<sensor_bpf::NotLoaded> missing;
  const std::unique_ptr<weir_guard, void (*)(weir_guard*)> skeleton(weir_guard__open(), weir_guard__destroy);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    if (!sensor_bpf::FunctionOf(bpf_program__section_name(program)).empty())
      missing.push_back({bpf_program__name(program), "refused"});
  }
  return missing;
}

TEST(GuardJudge, TheFallbackIsNeverMoreThanPartial) {
  Outcomes outcomes;
  for (Outcome& outcome : outcomes) outcome = {true, EINTR, true, 1};
  outcomes[WEIR_G_SYSCTL] = {true, EPERM, false, 1};  // by a cgroup's program
  outcomes[WEIR_G_TUNNEL] = outcomes[WEIR_G_ROUTES] = outcomes[WEIR_G_NETFILTER] = {true, 0, false, 0};
  for (const ClassState& state : Judge(outcomes, NothingOnFunctions(), {true, ""}, "")) {
    const bool blind =
        state.number == WEIR_G_TUNNEL || state.number == WEIR_G_ROUTES || state.number == WEIR_G_NETFILTER;
    EXPECT_EQ(state.state, blind ? State::kOff : State::kPartial) << state.number;
    if (blind) {
      EXPECT_EQ(state.why, "refused");
      EXPECT_FALSE(state.kills);
    } else if (state.number != WEIR_G_TUN) {
      EXPECT_EQ(state.why.find("fallback"), 0u) << state.number << " " << state.why;
    }
  }
}

TEST(GuardJudge, TheFallbackIsProvenByADeath) {
  const auto missing = NothingOnFunctions();
  const auto of = [&](const Outcome& outcome, const sensor_bpf::Fallback& fallback) {
    Outcomes outcomes;
    outcomes[WEIR_G_PACKET] = outcome;
    return Judge(outcomes, missing, fallback, "").at(WEIR_G_PACKET);
  };
  EXPECT_TRUE(of({true, EINTR, true, 1}, {true, ""}).kills);
  EXPECT_EQ(of({true, 0, false, 0}, {true, ""}).state, State::kOff) << "nobody died";
  const ClassState unknown = of({true, EAFNOSUPPORT, false, 0}, {true, ""});
  EXPECT_EQ(unknown.state, State::kPartial);
  EXPECT_NE(unknown.why.find("proved nothing"), std::string::npos);
  EXPECT_NE(of({true, EINTR, true, 0}, {true, ""}).why.find("proved nothing"), std::string::npos)
      << "somebody else killed it";
  const ClassState without = of({true, 0, false, 0}, {false, "out of memory"});
  EXPECT_EQ(without.state, State::kOff);
  EXPECT_EQ(without.why, "refused; the fallback does not run: out of memory");
  EXPECT_FALSE(without.kills);
}

TEST(GuardJudge, KnowsWhatEachProgramIsFor) {
  const std::unique_ptr<weir_guard, void (*)(weir_guard*)> skeleton(weir_guard__open(), weir_guard__destroy);
  ASSERT_TRUE(skeleton);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    EXPECT_TRUE(HasWork(bpf_program__name(program))) << bpf_program__name(program);
  }
}

TEST(GuardAttempts, TryEachClassOnce) {
  std::set<std::uint32_t> tried;
  for (const Attempt& attempt : Attempts()) EXPECT_TRUE(tried.insert(attempt.guard_class).second);
  EXPECT_EQ(tried.size(), WEIR_GUARD_CLASSES);
}

TEST(GuardLoader, ReadsWhichProgramFailed) {
  using sensor_bpf::ProgramOfFailure;
  EXPECT_EQ(ProgramOfFailure("libbpf: prog 'weir_guard_bpf': BPF program load failed: x\n"
                             "libbpf: prog 'weir_guard_bpf': failed to load: -22\nlibbpf: failed to load object"),
            "weir_guard_bpf");
  EXPECT_EQ(ProgramOfFailure("libbpf: failed to load object"), "");
  EXPECT_EQ(ProgramOfFailure("': failed to load"), "");
}

}  // namespace
}  // namespace weir::guard
