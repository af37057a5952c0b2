// SPDX-License-Identifier: Apache-2.0
// The end of a job: record, reports, summary.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collector/cli/commands/report_format.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/screen.h"
#include "weir/v1/control.pb.h"

namespace weir::cli {

/// Where reports go; opened before the job begins.
class ReportSinks {
 public:
  /// `wishes` as ParseReportWish takes them. The first fault is returned.
  [[nodiscard]] static Result<ReportSinks> Open(const std::vector<std::string>& wishes);

  /// Writes all that can be written. Returns the paths; says what failed.
  [[nodiscard]] std::vector<std::string> Write(const ReviewEnd& review, const std::string& job_id,
                                               const std::string& policy_path) const;
  [[nodiscard]] bool empty() const { return sinks_.empty(); }

 private:
  struct Sink {
    v1::ReportFormat format;
    OutputFile file;
  };
  std::vector<Sink> sinks_;
};

struct EndWish {
  std::string job_id;
  int exit_status = -1;
  v1::Mode mode = v1::MODE_UNSPECIFIED;
  bool has_policy = false;
  bool armed = false;
  std::vector<std::string> not_armed_reasons;
  std::string policy_path;
  bool quiet = false;
};

struct EndOutcome {
  bool known = false;                 ///< false: nothing but `failure` is known
  Code failure = Code::kUnavailable;  ///< why the sensor did not end it
  std::uint64_t denied = 0;
  v1::EndJobResponse response;
};

/// Ends the job, writes reports and the summary. Faults are said; the caller decides what they mean for the exit code.
EndOutcome EndJob(const Session& session, const EndWish& wish, const ReportSinks& sinks, const Screen& screen);

}  // namespace weir::cli
