// SPDX-License-Identifier: Apache-2.0
// Rows of the review service as tables and JSON. Pure.
#pragma once

#include <vector>

#include "collector/cli/commands/words.h"
#include "collector/cli/term/table.h"
#include "weir/v1/control.pb.h"
#include "weir/v1/review.pb.h"

namespace weir::cli {

/// For report::StepText; only in tables of which some row is of a step.
[[nodiscard]] Column StepColumn();

/// "bash › curl[4711]": the process of a flow and who started it, by file name.
[[nodiscard]] std::string ProcessOf(const v1::FlowRow& flow);

/// "example.org:443", or "lookup of example.org (AAAA)" for a judged DNS query, or "socket inet/raw/icmp".
[[nodiscard]] std::string TargetOf(const v1::FlowRow& flow);

/// "no-rule", "rule example.org:443".
[[nodiscard]] std::string ReasonOf(const v1::FlowRow& flow);

[[nodiscard]] Table FlowTable(const v1::ListFlowsResponse& flows, bool with_job);
[[nodiscard]] Json FlowDocument(const v1::ListFlowsResponse& flows);

/// By start; as a tree each below its parent, which may have been cut off: then at the left.
[[nodiscard]] Table ProcessTable(const v1::ListProcessesResponse& processes, bool tree);
[[nodiscard]] Json ProcessDocument(const v1::ListProcessesResponse& processes);

/// A job as either service knows it.
struct JobLine {
  std::string id;
  std::string name;
  std::string host;  // recorded jobs only
  v1::Mode mode = v1::MODE_UNSPECIFIED;
  std::string state;     // "running", "ended", "no-end" (its end was not recorded, and no sensor runs it)
  bool lingers = false;  // ended, and a sensor still judges processes that outlived it
  std::uint32_t leftovers = 0;
  std::int64_t begin_ns = 0;
  std::int64_t end_ns = 0;
  int exit_status = -1;
  bool proven = false;  // ended: armed and complete by its record; running: armed
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  Json more = Json::object();  // what only one of the services knows
};

[[nodiscard]] JobLine LineOf(const v1::JobState& job);
/// `running`: some sensor says that it runs.
[[nodiscard]] JobLine LineOf(const v1::JobRow& job, bool running);

[[nodiscard]] Table JobTable(const std::vector<JobLine>& jobs, std::int64_t now_ns);
[[nodiscard]] Json JobJson(const JobLine& job);
/// `truncated`: there are more than were asked for.
[[nodiscard]] Json JobDocument(const std::vector<JobLine>& jobs, bool truncated = false);

}  // namespace weir::cli
