// SPDX-License-Identifier: Apache-2.0
// The reading half of the store. Each public function reads one snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collector/store/model.h"
#include "collector/store/sqlite.h"
#include "collector/store/store.h"

namespace weir::store {

/// Used by one thread at a time. Statements are prepared per call: a review asks seldom and reads much.
class Reader {
 public:
  explicit Reader(Database database) : database_(std::move(database)) {}

  [[nodiscard]] Result<JobPage> ListJobs(std::int64_t since_ns, std::uint32_t limit, const Stop& stop);
  [[nodiscard]] Result<FlowPage> ListFlows(const FlowFilter& filter, const Stop& stop);
  [[nodiscard]] Result<ProcessPage> ListProcesses(const std::string& job_id, std::uint32_t limit,
                                                  const StepFilter& step, const Stop& stop);
  [[nodiscard]] Result<JobEvidence> LoadJob(const std::string& job_id, const EvidenceLimits& limits, const Stop& stop);
  [[nodiscard]] Result<std::vector<SequenceGap>> SequenceGaps(const std::string& sensor);

 private:
  Database database_;
};

}  // namespace weir::store
