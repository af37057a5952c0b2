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
