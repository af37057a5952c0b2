// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/term/moment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <limits>
#include <optional>

namespace weir::cli {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 64> buffer{};
  const int n = std::snprintf(buffer.data(), buffer.size(), format, args...);
  return n > 0 ? std::string(buffer.data(), std::min<std::size_t>(static_cast<std::size_t>(n), buffer.size() - 1)) : "";
}

std::optional<std::int64_t> SpanNs(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::int64_t seconds = 0;
  if (unit == "s") seconds = 1;
  if (unit == "m") seconds = 60;
  if (unit == "h") seconds = 3600;
  if (unit == "d") seconds = 86'400;
  if (unit == "w") seconds = 7 * 86'400;
  if (seconds == 0 || number > std::numeric_limits<std::int64_t>::max() / (seconds * kSecondNs)) return std::nullopt;
  return number * seconds * kSecondNs;
}

std::optional<std::int64_t> CalendarNs(std::string text) {
  const bool utc = !text.empty() && text.back() == 'Z';
  if (utc) text.pop_back();
  for (const char* format :
       {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    parts.tm_isdst = -1;
    const int day = parts.tm_mday;
    const std::time_t seconds = utc ? timegm(&parts) : mktime(&parts);
    // A day that the month does not have would silently become one of the next month.
    if (seconds == -1 || parts.tm_mday != day) return std::nullopt;
    return static_cast<std::int64_t>(seconds) * kSecondNs;
  }
  return std::nullopt;
}

}  // namespace

Result<std::int64_t> ParseSince(std::string_view text, std::int64_t now_ns) {
  if (const auto span = SpanNs(text)) return now_ns > *span ? now_ns - *span : 0;
  if (const auto moment = CalendarNs(std::string(text))) return *moment;
  return Fail(Code::kInvalid, "'" + std::string(text) +
                                  "' is neither a span (90s, 15m, 2h, 7d, 2w) nor a time (2026-11-23, "
                                  "2026-11-23T14:05, 2026-11-23T14:05:09Z)");
}

std::string LocalTime(std::int64_t time_ns) {
  if (time_ns <= 0) return "-";
  const std::time_t seconds = time_ns / kSecondNs;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return Format("%04d-%02d-%02d %02d:%02d:%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                parts.tm_min, parts.tm_sec);
}

std::string Span(std::int64_t span_ns) {
  if (span_ns < 0) return "-";
  const long long milliseconds = span_ns / 1'000'000;
  if (milliseconds < 1000) return Format("%lldms", milliseconds);
  const long long seconds = milliseconds / 1000;
  if (seconds < 60) return Format("%lld.%llds", seconds, milliseconds % 1000 / 100);
  if (seconds < 3600) return Format("%lldm%02llds", seconds / 60, seconds % 60);
  if (seconds < 86'400) return Format("%lldh%02lldm", seconds / 3600, seconds % 3600 / 60);
  return Format("%lldd%02lldh", seconds / 86'400, seconds % 86'400 / 3600);
}

std::string Amount(std::uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes);
  double value = static_cast<double>(bytes);
  for (const char unit : {'k', 'M', 'G', 'T', 'P', 'E'}) {
    value /= 1000;
    if (value < 9.95) return Format("%.1f%c", value, unit);
    if (value < 999.5) return Format("%.0f%c", value, unit);
  }
  return "huge";
}

}  // namespace weir::cli
