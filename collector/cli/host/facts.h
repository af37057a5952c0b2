// SPDX-License-Identifier: Apache-2.0
// What /proc and /sys say, as pure functions over their text.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

struct KernelVersion {
  int major = 0;
  int minor = 0;
  friend auto operator<=>(const KernelVersion&, const KernelVersion&) = default;
};

/// From uname's release, e.g. "6.1.0-18-amd64".
[[nodiscard]] std::optional<KernelVersion> ParseKernelRelease(std::string_view release);

struct Mount {
  std::string point;
  std::string type;
  std::string options;  ///< of the mount, then of the file system
  friend bool operator==(const Mount&, const Mount&) = default;
};

/// /proc/<pid>/mountinfo (proc(5)); octal escapes in paths are undone. Lines of another form are skipped.
[[nodiscard]] std::vector<Mount> ParseMountinfo(std::string_view text);

/// `CapEff` of /proc/<pid>/status: bit n is capability n.
[[nodiscard]] std::optional<std::uint64_t> ParseEffectiveCapabilities(std::string_view status);

/// Parts of `text` between `separator`s, without blanks and empty ones.
[[nodiscard]] std::vector<std::string> SplitList(std::string_view text, char separator);

/// The choice that /sys marks with brackets: "none [integrity] confidentiality" → "integrity".
[[nodiscard]] std::string BracketedChoice(std::string_view text);

/// The job that /proc/self/cgroup says a process runs in: the part after "/weir/" of its cgroup-v2 path. Jobs that a
/// task left, or whose cgroups a namespace hides, are told by the sensor only.
[[nodiscard]] std::optional<std::string> JobOfCgroup(std::string_view proc_cgroup);

/// JobOfCgroup of this process.
[[nodiscard]] std::optional<std::string> EnclosingJob();

}  // namespace weir::cli
