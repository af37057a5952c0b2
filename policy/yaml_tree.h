// SPDX-License-Identifier: Apache-2.0
// The YAML of a policy as a small tree with the position of every node. Internal to the policy library.
//
// yaml-cpp's own nodes are not used: they merge duplicate keys, follow aliases (a 1 KiB file can name 10^9 nodes) and
// lose the difference between `1` and `"1"`. Here aliases, anchors and tags are faults, and nothing is shared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/source.h"

namespace weir::policy {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;          ///< a scalar in quotes or a block: text, never a number or null
  bool literal = false;         ///< stands on one line exactly as `value` (so offsets into it are columns)
  bool faulty = false;          ///< a fault was reported already; the node says nothing
  int line = 0;                 ///< from 1
  int column = 0;               ///< from 1
  std::string value;            ///< of a scalar
  std::vector<YamlNode> items;  ///< of a list; of a map: key, value, key, value …
};

/// Parses one document. Faults go to `faults`; the tree holds what could be read. An empty document is kNull.
[[nodiscard]] YamlNode ParseYaml(const std::string& text, const std::string& file, FaultSink* faults);

/// "a list", "a map", "empty" …; for messages.
[[nodiscard]] std::string Describe(const YamlNode& node);

}  // namespace weir::policy
