// SPDX-License-Identifier: Apache-2.0
// Policies as YAML text.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "policy/policy.h"

namespace weir::policy {

/// Normal text of an effective policy: no includes, no jobs, endpoints in canonical spelling, rules sorted, notes kept.
/// Equal policies have equal text, whatever the order of their rules. It loads again and compiles to the same tables.
struct Effective {
  Mode mode = Mode::kBlock;
  OnDeny on_deny = OnDeny::kReport;
  Leftovers leftovers = Leftovers::kReport;
  Dns dns;
  std::map<std::string, std::string> guard;
  std::map<std::string, std::string> sockets;
  std::vector<const Rule*> rules;
};
[[nodiscard]] std::string RenderEffective(const Effective& policy);

/// A whole policy as one text: includes merged in, `jobs:` kept. For passing a policy to a sensor.
[[nodiscard]] std::string RenderPolicy(const ParsedPolicy& policy);

/// One item of a list, with a line end.
[[nodiscard]] std::string RenderRule(const Rule& rule, int indent);

/// "job", "90s", "30m", "1h"
[[nodiscard]] std::string RenderMaxAge(std::uint64_t seconds);

}  // namespace weir::policy
