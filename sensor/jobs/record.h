// SPDX-License-Identifier: Apache-2.0
// The enforcement record of a job: weir.record.v1 in an in-toto statement (docs/record.md).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/abi.h"
#include "sensor/bpf/policy_maps.h"
#include "sensor/bpf/programs.h"
#include "sensor/jobs/job_state.h"
#include "sensor/jobs/stuck_streams.h"

namespace weir::jobs {

inline constexpr std::string_view kRecordSchema = "weir.record.v1";
inline constexpr std::string_view kRecordPredicateType = "https://example.org/weir/record/v1";

/// One class of the guard, on this host and for this job.
struct GuardFact {
  std::string name;    ///< as in a policy's `guard:`
  std::string state;   ///< "full", "partial", "off"
  std::string why;     ///< unless full
  std::string action;  ///< by the policy: "deny", "report", "allow"
  std::uint64_t denied = 0;
  std::uint64_t reported = 0;
};

/// What is known when a job ends.
struct RecordFacts {
  JobState job;  ///< segments: this sensor's last
  std::string on_deny;
  std::int64_t end_time_ns = 0;
  int exit_status = -1;  ///< -1: not known
  std::string sensor_name;
  std::string sensor_version;
  std::string host;
  std::string kernel;
  std::vector<sensor_bpf::ProgramInfo> programs;
  std::vector<GuardFact> guard;  ///< empty: not known
  bool has_counts = false;       ///< false: the scope was gone, nothing is known of its counters
  sensor_bpf::Counts counts{};
  std::map<std::string, std::uint64_t> forwarder;    ///< dns_forward::Counters by name
  std::map<std::string, std::uint64_t> dropped;      ///< per kind of event, by this sensor's queue
  std::map<std::string, std::uint64_t> undelivered;  ///< per kind of event, for which its uplink had no room
  std::uint64_t events_read = 0;                     ///< by this sensor
  std::uint64_t events_read_before = 0;              ///< of those that the kernel counts, by earlier sensors or lost
  AbortedStreams streams;                            ///< that held refused bytes
  std::uint64_t refused = 0;                         ///< records that did not decode
  std::vector<std::string> leftovers;                ///< alive
  std::vector<std::string> killed;                   ///< outlived the job, and were ended as the policy says
  std::vector<std::string> further_reasons;          ///< why it is not complete, found by the caller
};

/// Sums over the kernel's hooks and the forwarder.
struct VerdictSums {
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::uint64_t would_deny = 0;
  friend bool operator==(const VerdictSums&, const VerdictSums&) = default;
};
[[nodiscard]] VerdictSums SumVerdicts(const sensor_bpf::Counts& counts,
                                      const std::map<std::string, std::uint64_t>& forwarder);

/// Records that the kernel could not hand over, per kind ("exec", "denial", …); only those above 0.
[[nodiscard]] std::map<std::string, std::uint64_t> LostInKernel(const sensor_bpf::Counts& counts);

struct Record {
  std::string json;
  bool complete = false;
  std::vector<std::string> reasons;  ///< why not
};

/// Pure: equal facts, equal bytes.
[[nodiscard]] Record BuildRecord(const RecordFacts& facts);

/// RFC 3339 in UTC with nanoseconds; empty for 0.
[[nodiscard]] std::string TimeText(std::int64_t unix_ns);

}  // namespace weir::jobs
