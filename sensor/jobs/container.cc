// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/container.h"

#include <cstddef>

namespace weir::jobs {

std::string ContainerOf(std::string_view cgroup_path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kIdDigits = 64, kShownDigits = 12;
  std::string_view found;
  for (std::size_t at = 0; at < cgroup_path.size();) {
    const std::size_t begin = cgroup_path.find_first_of(kHex, at);
    if (begin == std::string_view::npos) break;
    at = cgroup_path.find_first_not_of(kHex, begin);
    if (at == std::string_view::npos) at = cgroup_path.size();
    if (at - begin == kIdDigits) found = cgroup_path.substr(begin, kShownDigits);
  }
  return std::string(found);
}

}  // namespace weir::jobs
