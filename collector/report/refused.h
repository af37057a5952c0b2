// SPDX-License-Identifier: Apache-2.0
// What was refused, as people want to read it: one line a process and target. A connection is tried at every address of
// a name, and a name is asked for A and AAAA: for a reader that is one attempt. A scan of many addresses and data that
// leaves as many names below one domain are one, too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/report/model.h"

namespace weir::report {

struct Attempt {
  const Contact* first = nullptr;      ///< of the report; verdict, process, why and rule are those of all
  std::string title;                   ///< "registry.example.org:443/tcp", "lookup of evil.example.net A, AAAA"
  std::string target;                  ///< the same without port and type: what somebody would name
  std::vector<std::string> addresses;  ///< distinct; of a lookup the servers
  std::size_t members = 1;             ///< so many attempts were joined into this one …
  std::vector<std::string> examples;   ///< … such as these targets
  std::size_t contacts = 0;
  std::uint64_t times = 0;
};

/// In the order of `report.refused`. Points into `report`.
[[nodiscard]] std::vector<Attempt> Attempts(const JobReport& report);

/// "bash › dash › curl": names of the executables from the job's first process to this one; "make × 5" for five in a
/// row. Hostile bytes.
[[nodiscard]] std::string AncestryLine(const Contact& contact);

/// The last component of a path.
[[nodiscard]] std::string_view BaseName(std::string_view path);

}  // namespace weir::report
