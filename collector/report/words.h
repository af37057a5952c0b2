// SPDX-License-Identifier: Apache-2.0
// What a report says in words. Nothing here comes from a job; results need no escaping, except for those that say so.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collector/report/model.h"

namespace weir::report {

/// "1 flow record", "2 flow records".
[[nodiscard]] std::string Plural(std::uint64_t count, std::string_view noun);
/// 1234567 -> "1,234,567".
[[nodiscard]] std::string Grouped(std::uint64_t number);
/// "0 B", "512 B", "1.5 KiB", "12 MiB".
[[nodiscard]] std::string Bytes(std::uint64_t bytes);
/// RFC 3339 in UTC with milliseconds; "unknown" for 0.
[[nodiscard]] std::string Time(std::int64_t ns);
/// "from … until …".
[[nodiscard]] std::string TimeRange(std::int64_t from_ns, std::int64_t until_ns);
/// "0.8 s", "3 min 12 s", "2 h 5 min".
[[nodiscard]] std::string Duration(std::int64_t ns);

/// Stable keywords of JSON: "audit", "deny", "would-deny", "connect", …; "unknown" for what is not set.
[[nodiscard]] std::string_view ModeWord(store::Mode mode);
[[nodiscard]] std::string_view VerdictWord(store::Verdict verdict);
[[nodiscard]] std::string_view HookWord(store::Hook hook);
[[nodiscard]] std::string_view WatchWord(Watch watch);

/// What a `why` keyword (docs/schemas.md) means, as a short clause; the keyword itself when it is not known here (then
/// hostile).
[[nodiscard]] std::string WhyClause(std::string_view why);

/// The verdict of the report in capitals, never the same for "nothing was denied" and "nothing was watched": "NOT
/// WATCHED", "UNFINISHED", "NOT PROVEN", "INCOMPLETE", "DENIED", "WOULD BE DENIED", "CLEAN".
[[nodiscard]] std::string_view Stamp(const Summary& summary);
/// The sentence after the stamp.
[[nodiscard]] std::string Headline(const JobReport& report);

/// "host.example.org:443/tcp", "[2001:db8::1]:53/udp", or the kind of socket. Hostile.
[[nodiscard]] std::string Endpoint(const store::Flow& flow);
/// A count for people: "12" when it is exact; else "≥ 12", or "unknown" for none: nobody counted.
[[nodiscard]] std::string CountText(const Summary& summary, std::uint64_t count);

/// What was refused, in one line: lookup, connection or socket. Hostile.
[[nodiscard]] std::string ContactTitle(const Contact& contact);

}  // namespace weir::report
