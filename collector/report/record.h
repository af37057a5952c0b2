// SPDX-License-Identifier: Apache-2.0
// Reads an enforcement record (docs/record.md, schema weir.record.v1: an in-toto statement).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/result.h"

namespace weir::report {

struct VerdictCounts {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  friend bool operator==(const VerdictCounts&, const VerdictCounts&) = default;
};

struct RecordGap {
  std::string reason;
  std::int64_t from_ns = 0;
  std::int64_t until_ns = 0;
  std::map<std::string, std::uint64_t> lost;
  friend bool operator==(const RecordGap&, const RecordGap&) = default;
};

struct RecordProgram {
  std::string name;
  std::string tag;
  std::string attach;
};

/// The parts of a record that a report shows. Counts are the kernel's and exact, whatever became of the events.
struct Record {
  bool armed = false;
  bool complete = false;
  std::vector<std::string> reasons;  ///< why not armed or not complete
  VerdictCounts counts;
  std::map<std::string, VerdictCounts> counts_by_hook;
  std::map<std::string, std::uint64_t> lost;  ///< per kind; zeros are left out
  std::vector<RecordGap> gaps;
  std::vector<RecordProgram> programs;
  std::string canary_begin;  ///< what the probe said; empty: none
  std::string canary_end;
  std::string policy_digest;
  std::string mode;
  std::string kernel;
  std::string sensor_version;
  std::string event_digest;
};

/// kInvalid when it is no JSON, no such statement, or lacks `armed`, `complete` or `counts`: what cannot be read proves
/// nothing. Further members may be absent.
[[nodiscard]] Result<Record> ParseRecord(std::string_view json);

}  // namespace weir::report
