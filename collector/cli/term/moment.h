// SPDX-License-Identifier: Apache-2.0
// Times and sizes as people write and read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sensor/base/result.h"

namespace weir::cli {

/// `--since`: a span before `now_ns` ("90s", "15m", "2h", "7d", "2w"), a date ("2026-11-23", local midnight), a local
/// time ("2026-11-23 14:05[:09]", also with "T") or UTC with a final "Z". Nanoseconds since the Unix epoch.
[[nodiscard]] Result<std::int64_t> ParseSince(std::string_view text, std::int64_t now_ns);

/// Local time "2026-11-23 14:05:09", "-" for 0. For tables.
[[nodiscard]] std::string LocalTime(std::int64_t time_ns);

/// "412ms", "3.2s", "4m07s", "2h05m", "3d04h".
[[nodiscard]] std::string Span(std::int64_t span_ns);

/// "0", "812", "1.5k", "3.4M": decimal, at most four characters. For byte counts in tables.
[[nodiscard]] std::string Amount(std::uint64_t bytes);

}  // namespace weir::cli
