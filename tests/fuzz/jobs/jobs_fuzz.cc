// SPDX-License-Identifier: Apache-2.0
// The host's small texts: resolv.conf, mountinfo, /proc/<pid>/cgroup and job state files. Any bytes give a result.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sensor/jobs/cgroup.h"
#include "sensor/jobs/job_state.h"
#include "sensor/jobs/mountinfo.h"
#include "sensor/jobs/resolv_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0: {
      const auto resolvers = weir::jobs::ParseResolvConf(text);
      if (resolvers.addresses.empty() || resolvers.addresses.size() > weir::jobs::kMaxResolvers) std::abort();
      if (resolvers.search.size() > weir::jobs::kMaxSearchSuffixes) std::abort();
      for (const auto& wire : resolvers.search) {
        if (wire.size() < 2 || wire.size() > 255 || wire.back() != '\0') std::abort();
      }
      break;
    }
    case 1: (void)weir::jobs::ChooseCgroup2(weir::jobs::ParseMountinfo(text)); break;
    case 2: (void)weir::jobs::ParseProcCgroup(text); break;
    default:
      if (auto state = weir::jobs::JobStateFromJson(text)) {
        // What was taken once is taken again.
        if (!weir::jobs::JobStateFromJson(weir::jobs::JobStateToJson(*state))) std::abort();
      }
  }
  return 0;
}
