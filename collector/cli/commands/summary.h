// SPDX-License-Identifier: Apache-2.0
// The few lines that `weir run` leaves on standard error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collector/cli/term/screen.h"
#include "weir/v1/review.pb.h"

namespace weir::cli {

struct Summary {
  std::string job_id;
  v1::Mode mode = v1::MODE_AUDIT;
  bool has_policy = false;
  bool armed = false;
  std::vector<std::string> not_armed_reasons;
  bool complete = false;
  std::optional<std::uint64_t> allowed;  ///< absent: no collector could be asked
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  std::vector<v1::FlowRow> refused;  ///< the first of them, denied before would-deny
  bool more_refused = false;         ///< there are more than those
  std::vector<std::string> leftovers;
  bool not_stored = false;           ///< the collector has not confirmed all events
  std::vector<std::string> reports;  ///< paths that were written
};

/// "block, armed, complete: 12 allowed, 1 denied". Never says "complete" or "armed" of what was not.
[[nodiscard]] std::string VerdictLine(const Summary& summary);

/// Every line begins with "weir: ". At most ten lines of refused flows, a scan is one.
[[nodiscard]] std::string Render(const Summary& summary, const Screen& screen);

}  // namespace weir::cli
