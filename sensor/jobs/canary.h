// SPDX-License-Identifier: Apache-2.0
// The proof that a scope is armed: a child of ours enters the job's cgroup and tries a destination, and the programs
// must judge it as the policy says.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "sensor/base/result.h"
#include "sensor/bpf/policy_maps.h"
#include "sensor/jobs/cgroup.h"

namespace weir::jobs {

/// Destination of the probe: 192.0.2.1:9/udp (TEST-NET-1, RFC 5737). connect() on a UDP socket sends no packet.
inline constexpr const char* kCanaryAddress = "192.0.2.1";
inline constexpr std::uint16_t kCanaryPort = 9;

struct CanaryOrder {
  std::uint32_t scope_id = 0;
  std::uint32_t generation = 0;       ///< of the scope's policy
  std::uint8_t expected_verdict = 0;  ///< WEIR_ALLOW, WEIR_DENY or WEIR_WOULD_DENY, by the policy
  int netns_fd = -1;                  ///< network namespace to probe in; -1: the sensor's
  std::chrono::milliseconds patience{5000};
};

struct Canary {
  std::int64_t time_ns = 0;  ///< Unix time
  std::uint8_t expected_verdict = 0;
  std::uint8_t verdict = 0;  ///< 0: the programs said nothing
  std::uint8_t why = 0;      ///< WEIR_WHY_*
  int connect_errno = 0;     ///< what the probe itself got; 0: success
  std::uint64_t netns_cookie = 0;
  bool proven = false;
  std::string reason;  ///< why not proven
};

/// Runs one probe. An error means that the probe could not be made; a probe that was not judged as expected is a Canary
/// with proven == false. Forks; the child does only async-signal-safe work.
[[nodiscard]] Result<Canary> RunCanary(const sensor_bpf::PolicyMaps& maps, const JobCgroup& cgroup,
                                       const CanaryOrder& order);

/// Does what was seen prove it? Pure; fills `proven` and `reason`.
void JudgeCanary(Canary& canary);

}  // namespace weir::jobs
