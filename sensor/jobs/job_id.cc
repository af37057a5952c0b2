// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/job_id.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "sensor/jobs/file.h"

namespace weir::jobs {
namespace {

// Crockford's base 32: no letter that is taken for a digit.
constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";

std::uint64_t Nanoseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Result<std::string> MakeJobId(std::int64_t unix_ns) {
  std::uint64_t random = 0;
  if (::getrandom(&random, sizeof(random), 0) != sizeof(random)) return FailErrno("cannot get random bytes", errno);
  const std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char stamp[32];
  const std::size_t length = std::strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &utc);
  char millis[8];
  std::snprintf(millis, sizeof(millis), "%03d", static_cast<int>(unix_ns / 1'000'000 % 1000));
  std::string id = std::string(stamp, length) + millis + "-";
  for (int i = 0; i < 10; ++i, random >>= 5) id += kDigits[random & 31];
  return id;
}

bool IsJobId(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::string JobIdInCgroup(std::string_view path) {
  constexpr std::string_view kParent = "/weir/";
  constexpr std::string_view kForm = "00000000-000000000-";  // then ten of kDigits
  constexpr std::size_t kLength = kForm.size() + 10;
  for (std::size_t at = path.find(kParent); at != std::string_view::npos; at = path.find(kParent, at + 1)) {
    const std::string_view rest = path.substr(at + kParent.size());
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name.size() != kLength || !IsJobId(name)) continue;
    const bool fits = std::equal(kForm.begin(), kForm.end(), name.begin(),
                                 [](char form, char c) { return form == '0' ? c >= '0' && c <= '9' : c == form; });
    if (fits) return std::string(name);
  }
  return {};
}

std::int64_t UnixNow() { return static_cast<std::int64_t>(Nanoseconds(CLOCK_REALTIME)); }
std::uint64_t BootNow() { return Nanoseconds(CLOCK_BOOTTIME); }

Result<std::string> BootId() {
  auto text = ReadSmallFile("/proc/sys/kernel/random/boot_id", 128);
  if (!text) return text;
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return text;
}

}  // namespace weir::jobs
