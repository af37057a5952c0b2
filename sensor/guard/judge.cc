// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/judge.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sensor/base/result.h"

namespace weir::guard {
namespace {

struct Work {
  std::string_view program;
  std::uint32_t classes;  ///< bits 1 << WEIR_G_*
};

constexpr std::uint32_t Bits(auto... classes) { return ((1u << classes) | ...); }

/// Which programs a class needs.
constexpr std::array kWork = {
    Work{"weir_guard_bpf", Bits(WEIR_G_BPF)},
};

/// Of a class: how many programs work for it, and which of them do not run here.
struct Staff {
  std::size_t programs = 0;
  std::vector<const sensor_bpf::NotLoaded*> missing;
};

Staff StaffOf(std::uint32_t number, const std::vector<sensor_bpf::NotLoaded>& missing) {
  Staff staff;
  for (const Work& work : kWork) {
    if ((work.classes & 1u << number) == 0) continue;
    ++staff.programs;
    const auto found = std::find_if(missing.begin(), missing.end(),
                                    [&](const auto& absent) { return absent.program == work.program; });
    if (found != missing.end()) staff.missing.push_back(&*found);
  }
  return staff;
}

ClassState StateOf(std::uint32_t number, const Outcome& outcome, const Staff& staff) {
  if (staff.missing.size() == staff.programs)
    return {number, State::kOff, staff.missing.empty() ? "this version has no program for it" : staff.missing[0]->why};
  const bool denied = outcome.tried && outcome.denied != 0 && outcome.sys_errno == EPERM;
  if (!denied && outcome.tried && outcome.sys_errno == 0)
    return {number, State::kOff, "its programs run, and the probe was not denied"};
  if (!denied) {
    return {number, State::kPartial,
            outcome.tried
                ? std::string("its programs run; the probe proved nothing: ") + std::strerror(outcome.sys_errno)
                : "its programs run; the probe did not come to it"};
  }
  if (staff.missing.empty()) return {number, State::kFull, {}};
  return {number, State::kPartial, staff.missing[0]->program + " does not run: " + staff.missing[0]->why};
}

}  // namespace

std::string_view StateName(State state) {
  switch (state) {
    case State::kFull: return "full";
    case State::kPartial: return "partial";
    case State::kOff: break;
  }
  return "off";
}

std::vector<ClassState> Judge(const Outcomes& outcomes, const std::vector<sensor_bpf::NotLoaded>& missing,
                              const std::string& no_probe) {
  std::vector<ClassState> states;
  for (std::uint32_t number = 0; number < outcomes.size(); ++number) {
    const Staff staff = StaffOf(number, missing);
    if (!no_probe.empty() && staff.missing.size() < staff.programs)
      states.push_back({number, State::kPartial, "its programs run, and were not proven: " + no_probe});
    else
      states.push_back(StateOf(number, outcomes[number], staff));
  }
  return states;
}

}  // namespace weir::guard
