// SPDX-License-Identifier: Apache-2.0
// From what a probe saw to what may be said of the guard. "Attached" is never "protected".
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/abi.h"
#include "sensor/bpf/programs.h"

namespace weir::guard {

enum class State : std::uint8_t {
  kOff,      ///< nothing stops an attempt
  kPartial,  ///< some of it is stopped, or it could not be proven
  kFull,     ///< the probe was denied, and every program runs
};

struct ClassState {
  std::uint32_t number = 0;  ///< WEIR_G_*
  State state = State::kOff;
  std::string why;  ///< unless full
  /// Nothing refuses an attempt here; what ends who tries judges it.
  bool kills = false;
  friend bool operator==(const ClassState&, const ClassState&) = default;
};

[[nodiscard]] std::string_view StateName(State state);  ///< "full", "partial", "off"

/// Is the program known to work for some class? One that is not would be missed by nobody.
[[nodiscard]] bool HasWork(std::string_view program);

/// What the probe saw of one class.
struct Outcome {
  bool tried = false;
  int sys_errno = 0;         ///< 0: the attempt was not refused
  bool killed = false;       ///< who tried was ended
  std::uint64_t denied = 0;  ///< how often the programs say that they denied it
};
using Outcomes = std::array<Outcome, WEIR_GUARD_CLASSES>;

/// Pure. `missing`: programs that do not run. `no_probe`: why there was none at all; empty: there was.
[[nodiscard]] std::vector<ClassState> Judge(const Outcomes& outcomes, const std::vector<sensor_bpf::NotLoaded>& missing,
                                            const sensor_bpf::Fallback& fallback, const std::string& no_probe);

}  // namespace weir::guard
