// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/mountinfo.h"

#include <algorithm>
#include <optional>

#include "sensor/jobs/file.h"

namespace weir::jobs {
namespace {

std::string_view NextField(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// The kernel writes space, tab, newline and backslash as \ooo (fs/seq_file.c mangle_path).
std::string Unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) && IsOctal(text[i + 2]) &&
        IsOctal(text[i + 3])) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::optional<Mount> ParseLine(std::string_view line) {
  for (int skipped = 0; skipped < 3; ++skipped) NextField(line);  // id, parent, major:minor
  Mount mount;
  mount.root = Unescape(NextField(line));
  mount.point = Unescape(NextField(line));
  // After the options come optional fields, ended by a lone "-".
  while (!line.empty()) {
    if (NextField(line) == "-") {
      mount.type = std::string(NextField(line));
      break;
    }
  }
  if (mount.root.empty() || mount.point.empty() || mount.point.front() != '/' || mount.type.empty())
    return std::nullopt;
  return mount;
}

}  // namespace

std::vector<Mount> ParseMountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto mount = ParseLine(text.substr(0, end))) mounts.push_back(std::move(*mount));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mounts;
}

Result<std::filesystem::path> ChooseCgroup2(const std::vector<Mount>& mounts) {
  const Mount* best = nullptr;
  for (const Mount& mount : mounts) {
    if (mount.type != "cgroup2") continue;
    if (best == nullptr || mount.root == "/" || best->root != "/") best = &mount;
  }
  if (best == nullptr) {
    return Fail(
        Code::kUnsupported,
        "no cgroup2 hierarchy is mounted; mount one with `mount -t cgroup2 none /sys/fs/cgroup/unified`, or boot "
        "with systemd.unified_cgroup_hierarchy=1");
  }
  return std::filesystem::path(best->point);
}

Result<std::filesystem::path> FindCgroup2() {
  auto text = ReadSmallFile("/proc/self/mountinfo", 4u << 20);
  if (!text) return tl::unexpected<Error>(std::move(text).error());
  return ChooseCgroup2(ParseMountinfo(*text));
}

}  // namespace weir::jobs
