// SPDX-License-Identifier: Apache-2.0
// The proof of the guard: a child of ours enters a scope in which everything is denied, and tries one thing of each
// class.
#pragma once

#include <filesystem>

#include "sensor/base/result.h"
#include "sensor/bpf/policy_maps.h"
#include "sensor/bpf/programs.h"
#include "sensor/guard/judge.h"
#include "sensor/guard/tables.h"

namespace weir::guard {

struct ProbeOrder {
  std::filesystem::path cgroup_root;
  std::filesystem::path jobs_root;
  std::filesystem::path pin_directory;
  std::filesystem::path scratch;  ///< a directory of ours, made and removed again
};

/// Forks; the child does only async-signal-safe work and leaves no record. An error: the probe could not be made. The
/// host's row of the guard's tables must have been written.
[[nodiscard]] Result<Outcomes> RunProbe(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                                        const GuardTables& tables, const ProbeOrder& order);

}  // namespace weir::guard
