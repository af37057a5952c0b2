// SPDX-License-Identifier: Apache-2.0
// A process that joins a job brings open sockets with it; the programs did not see their birth.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "sensor/base/result.h"
#include "sensor/bpf/policy_maps.h"

namespace weir::jobs {

/// Takes every internet socket that the process has open into the scope of `task`, by pidfd_getfd(2). Returns how many.
/// Left out are sockets that the sensor has open as well and that the process closes at its execve: a child that an
/// embedded sensor's process forked shares them until then, and the sensor's own connections must not become the job's.
/// A socket that both inherited from whoever started them is the job's too, or it would be a way out. The process must
/// already be in the scope and should not run: sockets that it opens meanwhile are its own affair (they are born in the
/// scope). kUnsupported: Linux before 5.6.
[[nodiscard]] Result<std::uint32_t> AdoptSockets(const sensor_bpf::PolicyMaps& maps, pid_t pid, const weir_task& task);

/// Takes every internet socket that the process has open out of the scope. As far as it comes: what it cannot reach
/// stays judged.
void ReleaseSockets(const sensor_bpf::PolicyMaps& maps, pid_t pid, std::uint32_t scope_id);

}  // namespace weir::jobs
