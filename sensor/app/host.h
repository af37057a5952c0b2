// SPDX-License-Identifier: Apache-2.0
// What this machine and this program are called in records.
#pragma once

#include <string>

namespace weir {

[[nodiscard]] std::string HostName();
[[nodiscard]] std::string KernelRelease();  ///< uname -r
[[nodiscard]] std::string SensorVersion();

}  // namespace weir
