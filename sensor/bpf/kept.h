// SPDX-License-Identifier: Apache-2.0
// Pins last as long as the BPF file system is mounted. What somebody else keeps open as well, such as the service
// manager of a sensor that is killed, lasts beyond that.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sensor/base/result.h"
#include "sensor/base/service_manager.h"

namespace weir::sensor_bpf {

/// What is pinned in a pin directory, open: "map.weir_scopes", "link.weir_connect4". Not the links of the guard's
/// programs on kernel functions and of its fallback, which come and go with jobs: the next sensor attaches them.
[[nodiscard]] std::vector<KeptFd> OpenPins(const std::filesystem::path& pin_directory);

/// Pins again what is not pinned any more, for the sensor that is to adopt it: all of it or nothing, and nothing where
/// the directory has pins. Returns how many. Before Programs::Open, which must then be called with `kept` closed: links
/// that stay open somewhere keep programs attached that nobody replaces.
[[nodiscard]] Result<std::size_t> RestorePins(const std::filesystem::path& pin_directory,
                                              const std::vector<KeptFd>& kept);

}  // namespace weir::sensor_bpf
