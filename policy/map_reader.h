// SPDX-License-Identifier: Apache-2.0
// Maps with known keys, as policies and the settings of the daemons are made of.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "policy/source.h"
#include "policy/yaml_tree.h"

namespace weir::policy {

/// Reads maps of one file. Faults never stop it.
class MapReader {
 public:
  using Handler = std::function<void(const YamlNode& key, const YamlNode& value)>;
  struct Key {
    std::string_view name;
    Handler handler;
  };

  MapReader(std::string file, FaultSink* faults) : faults_(faults), file_(std::move(file)) {}

  /// Unknown keys, duplicates and keys that are not text are faults, at every level alike.
  void ReadMap(const YamlNode& map, std::string_view what, std::span<const Key> keys);

  /// One value that is not empty; null: a fault was reported, now or before. `example`: a value for the suggestion.
  [[nodiscard]] const std::string* Scalar(const YamlNode& key, const YamlNode& value, std::string_view example);

  [[nodiscard]] Position At(const YamlNode& node) const { return {file_, node.line, node.column}; }

 protected:
  FaultSink* faults_;
  std::string file_;
};

/// Text of a file in a message: bounded and safe to print.
[[nodiscard]] std::string Quoted(std::string_view text);

}  // namespace weir::policy
