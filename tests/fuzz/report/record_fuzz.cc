// SPDX-License-Identifier: Apache-2.0
// An enforcement record as a sensor (or who claims to be one) sent it: what cannot be read is refused, and "armed to
// the end" is never said of a record that does not carry the proof.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "collector/report/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = weir::report::ParseRecord({reinterpret_cast<const char*>(data), size});
  if (!record) return record.error().what.empty() ? std::abort(), 0 : 0;
  const auto proven =
      std::count_if(record->canaries.begin(), record->canaries.end(), [](const auto& c) { return c.proven; });
  if (record->ArmedToTheEnd() && (!record->armed || proven < 2)) std::abort();
  for (const auto& [kind, count] : record->lost_in_kernel) {
    if (count == 0) std::abort();
  }
  return 0;
}
