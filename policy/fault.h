// SPDX-License-Identifier: Apache-2.0
// What is wrong with a policy, where, why, and what to write instead. All faults of a policy are reported at once.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace weir::policy {

/// An error keeps a job from starting. A warning is for the reviewer.
enum class Severity { kError, kWarning };

/// Where something stands. line and column count from 1, columns in bytes of UTF-8; 0: the place is the whole file.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct Fault {
  std::string file;
  int line = 0;
  int column = 0;
  std::string reason;
  std::string suggestion;  ///< what to do about it; never empty
  Severity severity = Severity::kError;
  friend bool operator==(const Fault&, const Fault&) = default;
};

[[nodiscard]] inline Fault MakeFault(const Position& at, std::string reason, std::string suggestion,
                                     Severity severity = Severity::kError) {
  return {at.file, at.line, at.column, std::move(reason), std::move(suggestion), severity};
}

[[nodiscard]] inline bool HasError(const std::vector<Fault>& faults) {
  return std::any_of(faults.begin(), faults.end(), [](const Fault& f) { return f.severity == Severity::kError; });
}

}  // namespace weir::policy
