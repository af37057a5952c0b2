// SPDX-License-Identifier: Apache-2.0
// What recorded runs used, for `weir policy check --unused-in N`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collector/cli/remote/review_end.h"
#include "policy/unused.h"
#include "sensor/base/result.h"

namespace weir::cli {

struct UsageWish {
  std::uint32_t runs = 0;                     ///< so many of the newest
  std::map<std::string, std::string> labels;  ///< that a run must have
};

/// The newest `wish.runs` ended jobs that have the labels and whose record proves that nothing was lost. kNotFound when
/// there are fewer: too little to say that a rule is not needed.
[[nodiscard]] Result<std::vector<policy::RunUse>> RunsUsed(const ReviewEnd& review, const UsageWish& wish);

/// Pure: what a run's flows say. What was denied is no use of an allow rule.
[[nodiscard]] policy::RunUse UseOf(const std::string& job, const v1::ListFlowsResponse& flows);

}  // namespace weir::cli
