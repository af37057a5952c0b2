// SPDX-License-Identifier: Apache-2.0
// Streams that hold bytes which the programs refused (bpf/stuck.bpf.h). The kernel keeps them queued and would send
// them once nobody judges any more, so a job's end aborts these streams.
#pragma once

#include <cstdint>
#include <string>

#include "sensor/base/result.h"
#include "sensor/bpf/policy_maps.h"

namespace weir::jobs {

struct AbortedStreams {
  std::uint64_t aborted = 0;  ///< what they had queued is gone
  std::uint64_t left = 0;     ///< may still hold refused bytes
  std::string why;            ///< of the last one that is left
};

/// Aborts the scope's. Streams that have ended by themselves count as neither. Looks for their network namespaces among
/// those of live processes. Every program must still be attached, or what is refused meanwhile leaves. An error:
/// nothing could be found out.
[[nodiscard]] Result<AbortedStreams> AbortStuckStreams(const sensor_bpf::PolicyMaps& maps, std::uint32_t scope_id);

}  // namespace weir::jobs
