// SPDX-License-Identifier: Apache-2.0
// What the host must have before anything is loaded, so that the error names the lack and not its consequence.
#pragma once

#include <filesystem>

#include "sensor/base/result.h"

namespace weir::sensor_bpf {

/// kPrivilege: which capability is missing and how to get it.
[[nodiscard]] Result<> CheckPrivileges();

/// kUnsupported: which feature of the kernel is missing; kInvalid: `cgroup_root` is no cgroup2 directory.
[[nodiscard]] Result<> CheckKernel(const std::filesystem::path& cgroup_root);

}  // namespace weir::sensor_bpf
