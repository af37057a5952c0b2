// SPDX-License-Identifier: Apache-2.0
// What one policy reaches and another does not. Compares meaning, not text: reordering, other spellings and rules that
// a wider one already covers are no change.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/compiled.h"

namespace weir::policy {

enum class ChangeKind {
  kAdded,     ///< becomes reachable
  kWidened,   ///< becomes reachable for more: a wider host or port than a rule before, or more executables
  kNarrowed,  ///< stays reachable in part: a narrower rule is left, or fewer executables
  kRemoved,   ///< no longer reachable
};

/// One endpoint whose reachability changes. No rule: nothing allowed (or, on the other side, denied) it by name.
struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  std::string endpoint;                                        ///< canonical
  bool before = false, after = false;                          ///< reachable for some process
  std::vector<std::string> processes_before, processes_after;  ///< executables; empty when reachable: any
  std::optional<RuleInfo> rule_before, rule_after;             ///< that decides on each side
  std::string related;  ///< the narrower rule that a widened one replaces, or that is left of a narrowed one
};

/// A setting that differs: "mode", "on_deny", "dns.resolvers", "dns.max_age", "guard.tun", …
struct SettingChange {
  std::string key, before, after;
  friend bool operator==(const SettingChange&, const SettingChange&) = default;
};

struct PolicyDiff {
  std::vector<SettingChange> settings;
  std::vector<Change> changes;  ///< by kind, then endpoint
  bool complete = true;         ///< false: too many combinations of prefixes and ports; there may be more changes
  [[nodiscard]] bool empty() const { return complete && settings.empty() && changes.empty(); }
};

[[nodiscard]] PolicyDiff Diff(const CompiledPolicy& before, const CompiledPolicy& after);

/// "added", "widened", "narrowed", "removed"
[[nodiscard]] std::string_view ChangeName(ChangeKind kind);

}  // namespace weir::policy
