// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/report/model.h"

namespace weir::report {

/// Draws the conclusions: pure, and the same for the same evidence.
[[nodiscard]] JobReport BuildReport(store::JobEvidence evidence);

/// Executables from the first known ancestor down to the process itself; paths, or "?" where a path is empty. Chains
/// above `kMaxAncestry` keep their ends, with "…" between.
inline constexpr std::size_t kMaxAncestry = 64;
[[nodiscard]] std::vector<std::string> Ancestry(const store::Images& images, store::ImageKey key);

}  // namespace weir::report
