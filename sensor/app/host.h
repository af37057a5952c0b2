// SPDX-License-Identifier: Apache-2.0
// What this machine and this program are called in records.
#pragma once

#include <string>

namespace weir {

/// The kernel's name of this host, as SensorNameOf writes it.
[[nodiscard]] std::string HostName();
/// With `-` for each byte that no sensor's name has; "localhost" for an empty one.
[[nodiscard]] std::string SensorNameOf(std::string name);
/// What collectors take in a sensor's name: letters, digits and ._:@-
[[nodiscard]] bool IsSensorNameByte(char c);
[[nodiscard]] std::string KernelRelease();  ///< uname -r
[[nodiscard]] std::string SensorVersion();

}  // namespace weir
