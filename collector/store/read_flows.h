// SPDX-License-Identifier: Apache-2.0
// Queries about flows, lookups and processes. Inside the caller's transaction.
#pragma once

#include <cstdint>
#include <string>

#include "collector/store/model.h"
#include "collector/store/sqlite.h"

namespace weir::store {

[[nodiscard]] Result<FlowPage> ReadFlows(Database& database, const FlowFilter& filter);
[[nodiscard]] Result<ProcessPage> ReadProcesses(Database& database, std::int64_t job_ref, std::uint32_t limit,
                                                const StepFilter& step = {});

}  // namespace weir::store
