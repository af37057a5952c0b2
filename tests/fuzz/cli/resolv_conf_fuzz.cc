// SPDX-License-Identifier: Apache-2.0
// resolv.conf as `weir` reads it for the sensor: any bytes give a bounded list, which the sensor can take.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/cli/host/resolv_conf.h"
#include "sensor/jobs/resolv_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto setup = weir::cli::ParseResolvConf({reinterpret_cast<const char*>(data), size});
  if (setup.servers.empty() || setup.servers.size() > 8 || setup.search.size() > 32) std::abort();
  const auto resolvers = weir::jobs::ResolversFromText(setup.servers, setup.search);
  if (resolvers.addresses.size() > weir::jobs::kMaxResolvers) std::abort();
  for (const auto& wire : resolvers.search) {
    if (wire.size() < 2 || wire.size() > 255 || wire.back() != '\0') std::abort();
  }
  return 0;
}
