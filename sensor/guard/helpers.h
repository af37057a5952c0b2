// SPDX-License-Identifier: Apache-2.0
// Programs that the kernel starts as root on its own account, and tables by which cron, at, modprobe and request-key
// start others: who writes them has a deputy outside every scope.
#pragma once

#include <filesystem>
#include <vector>

namespace weir::guard {

struct HelperFile {
  std::filesystem::path path;
  bool is_directory = false;  ///< what is below it counts, too
};

/// Those that exist under `root` ("/" but in tests). Programs are the files that links lead to; a table that is a link
/// is left out, because whoever made it could name any directory. `kernel_settings`: what the kernel is set to start.
[[nodiscard]] std::vector<HelperFile> FindHelpers(const std::filesystem::path& root = "/",
                                                  const std::filesystem::path& kernel_settings = "/proc/sys/kernel");

}  // namespace weir::guard
