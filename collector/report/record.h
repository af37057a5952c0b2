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
  std::string from;   ///< RFC 3339
  std::string until;  ///< RFC 3339
  std::uint64_t lost_at_most = 0;
  friend bool operator==(const RecordGap&, const RecordGap&) = default;
};

struct RecordProgram {
  std::string name;
  std::string tag;
  std::string attach;
  bool attached = false;
};

/// A probe that the programs had to judge as the policy says.
struct RecordCanary {
  std::string at;  ///< RFC 3339
  std::string verdict;
  bool proven = false;
  std::string reason;  ///< why not proven
};

/// A class of the guard, on that host and for that job (docs/record.md).
struct RecordGuard {
  std::string name;
  std::string state;   ///< "full", "partial", "off"
  std::string why;     ///< unless full
  std::string action;  ///< by the policy: "deny", "report", "allow"
  std::uint64_t denied = 0;
  std::uint64_t reported = 0;

  /// The policy asks for more than the host could give.
  [[nodiscard]] bool Weaker() const { return action == "deny" && state != "full"; }
};

/// The parts of a record that a report shows. Counts are the kernel's and exact, whatever became of the events.
struct Record {
  bool armed = false;
  bool complete = false;
  std::vector<std::string> not_armed;  ///< why not armed
  std::vector<std::string> reasons;    ///< why not complete; names every loss with its number
  VerdictCounts counts;
  std::map<std::string, VerdictCounts> counts_by_hook;
  std::map<std::string, std::uint64_t> lost_in_kernel;  ///< per kind; zeros are left out
  std::map<std::string, std::uint64_t> lost_in_sensor;
  std::uint64_t undecodable = 0;
  std::uint64_t undelivered = 0;
  std::vector<RecordGap> gaps;
  std::vector<RecordProgram> programs;
  std::vector<RecordCanary> canaries;
  std::vector<RecordGuard> guard;  ///< empty: the record says nothing of it
  std::string policy_digest;
  std::string mode;
  std::string kernel;
  std::string sensor_version;
  std::string event_digest;  ///< SHA-256, hex

  /// Armed, and still so at the end: every canary was proven, at the beginning and at the end, and every program is
  /// still attached.
  [[nodiscard]] bool ArmedToTheEnd() const;
};

/// kInvalid when it is no JSON, no such statement, or lacks `armed.armed`, `complete` or `counts`: what cannot be read
/// proves nothing. Further members may be absent.
[[nodiscard]] Result<Record> ParseRecord(std::string_view json);

}  // namespace weir::report
