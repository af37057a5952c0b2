// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/facts.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "collector/cli/host/output_file.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMaxProcFileBytes = 1 << 20;

// The form that sensor/jobs/job_id.h makes: "20260817-093015123-q3k7x0v2md". A directory of somebody who called theirs
// "weir" is not taken for a job.
bool LooksLikeJobId(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  return text.find_first_not_of(kDigits) == 8 && text[8] == '-' && text.find_first_not_of(kDigits, 9) == 18 &&
         text[18] == '-' && text.size() > 19;
}

}  // namespace

std::optional<KernelVersion> ParseKernelRelease(std::string_view release) {
  KernelVersion version;
  const char* end = release.data() + release.size();
  const auto [dot, error] = std::from_chars(release.data(), end, version.major);
  if (error != std::errc{} || dot == end || *dot != '.') return std::nullopt;
  if (std::from_chars(dot + 1, end, version.minor).ec != std::errc{}) return std::nullopt;
  return version;
}

std::optional<std::uint64_t> ParseEffectiveCapabilities(std::string_view status) {
  constexpr std::string_view kKey = "CapEff:";
  const std::size_t at = status.find(kKey);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view rest = status.substr(at + kKey.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  std::uint64_t mask = 0;
  if (std::from_chars(rest.data(), rest.data() + rest.size(), mask, 16).ec != std::errc{}) return std::nullopt;
  return mask;
}

std::vector<std::string> SplitList(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) {
    const std::size_t begin = part.find_first_not_of(" \t\n");
    if (begin == std::string::npos) continue;
    parts.push_back(part.substr(begin, part.find_last_not_of(" \t\n") - begin + 1));
  }
  return parts;
}

std::string BracketedChoice(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return "";
  return std::string(text.substr(open + 1, close - open - 1));
}

std::optional<std::string> JobOfCgroup(std::string_view proc_cgroup) {
  constexpr std::string_view kUnder = "/weir/";
  std::istringstream lines{std::string(proc_cgroup)};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("0::")) continue;  // the unified hierarchy
    const std::size_t at = line.find(kUnder);
    if (at == std::string::npos) return std::nullopt;
    const std::string id = line.substr(at + kUnder.size(), line.find('/', at + kUnder.size()) - at - kUnder.size());
    if (LooksLikeJobId(id)) return id;
  }
  return std::nullopt;
}

std::optional<std::string> EnclosingJob() {
  return JobOfCgroup(ReadWholeFile("/proc/self/cgroup", kMaxProcFileBytes).value_or(""));
}

}  // namespace weir::cli
