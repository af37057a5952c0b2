// SPDX-License-Identifier: Apache-2.0
// What /proc/<pid>/stat tells (proc(5)).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace weir {

struct ProcessStat {
  pid_t parent = 0;
  std::uint64_t start_ticks = 0;  ///< since boot; tells a process from a later one of its number
};

/// nullopt: no such process.
[[nodiscard]] std::optional<ProcessStat> ReadProcessStat(pid_t pid, const std::filesystem::path& proc = "/proc");

}  // namespace weir
