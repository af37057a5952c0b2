// SPDX-License-Identifier: Apache-2.0
// An allowlist from what audited jobs did.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/compiled.h"

namespace weir::policy {

/// One destination that a job spoke to. All text comes from the job and is not trusted.
struct ObservedFlow {
  std::string name;        ///< dotted name that was looked up; empty: the address was used as such
  Address address{};       ///< IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;  ///< host order; 0 for protocols without ports
  std::uint8_t protocol = 0;
  std::string executable;  ///< absolute path; may be empty
  std::string job;         ///< id or name of the workflow job
  std::uint64_t count = 1;
};

struct SuggestOptions {
  Mode mode = Mode::kBlock;     ///< written into the policy
  bool bind_processes = false;  ///< each rule only for the executables that were seen
  bool fold_wildcards = true;   ///< three or more names below one domain become `*.domain`
};

struct Suggestion {
  std::string yaml;  ///< a whole policy; loads without error
  std::size_t rules = 0;
  std::vector<std::string> not_covered;  ///< flows that no rule can name, each with the reason; safe to print
};

/// The fewest rules that cover the flows, each with a reason that lists processes and jobs. Public suffixes and shared
/// hosts are never folded into a wildcard. Flows to loopback need no rule.
[[nodiscard]] Suggestion Suggest(const std::vector<ObservedFlow>& flows, const SuggestOptions& options = {});

}  // namespace weir::policy
