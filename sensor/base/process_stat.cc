// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/process_stat.h"

#include <fstream>
#include <sstream>
#include <string>

namespace weir {

std::optional<ProcessStat> ReadProcessStat(pid_t pid, const std::filesystem::path& proc) {
  constexpr int kParentField = 4, kStartField = 22;
  std::ifstream file(proc / std::to_string(pid) / "stat");
  std::string line;
  std::getline(file, line);
  const std::size_t name_end = line.rfind(')');  // the second field, which may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  ProcessStat stat;
  std::string skipped;
  fields >> skipped >> stat.parent;
  for (int field = kParentField + 1; field < kStartField; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  return fields ? std::optional(stat) : std::nullopt;
}

}  // namespace weir
