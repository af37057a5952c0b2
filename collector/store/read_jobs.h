// SPDX-License-Identifier: Apache-2.0
// Queries about jobs and about what is missing. Inside the caller's transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/store/model.h"
#include "collector/store/sqlite.h"

namespace weir::store {

/// Newest first, without policy text and command. `truncated`: there are more, or their records are too large together.
[[nodiscard]] Result<std::vector<StoredJob>> ReadJobs(Database& database, std::int64_t since_ns, std::uint32_t limit,
                                                      bool& truncated);
[[nodiscard]] Result<StoredJob> ReadJob(Database& database, const std::string& job_id);
[[nodiscard]] Result<JobCounts> CountJob(Database& database, std::int64_t job_ref);
[[nodiscard]] Result<std::vector<StoredFinding>> ReadFindings(Database& database, std::int64_t job_ref,
                                                              std::uint32_t limit);
/// Those that have a name, by number.
[[nodiscard]] Result<std::vector<StoredStep>> ReadSteps(Database& database, std::int64_t job_ref);
/// Of the job, and of its sensor while the job ran.
[[nodiscard]] Result<std::vector<StoredGap>> ReadGaps(Database& database, const StoredJob& job, std::uint32_t limit);
[[nodiscard]] Result<std::vector<SequenceGap>> ReadSequenceGaps(Database& database, const StoredJob& job,
                                                                std::uint32_t limit);
[[nodiscard]] Result<std::vector<SequenceGap>> ReadAllSequenceGaps(Database& database, const std::string& sensor);

}  // namespace weir::store
