// SPDX-License-Identifier: Apache-2.0
// Loading as much of the guard as a kernel takes: hooks differ between kernels, and some hosts refuse fmod_ret at all.
#pragma once

#include <string>
#include <vector>

#include "sensor/base/result.h"
#include "sensor/bpf/object.h"

namespace weir::sensor_bpf {

struct NotLoaded {
  std::string program;
  std::string why;
};

struct LoadedGuard {
  Object object;
  std::vector<NotLoaded> missing;
};

/// An error only when not even the maps could be made. A program that the kernel refuses is left out, with the reason.
[[nodiscard]] Result<LoadedGuard> LoadGuard(const LoadOptions& options);

/// Which program a failed load was about, by libbpf's words; empty: they do not say.
[[nodiscard]] std::string ProgramOfFailure(const std::string& words);

}  // namespace weir::sensor_bpf
