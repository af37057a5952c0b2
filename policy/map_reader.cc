// SPDX-License-Identifier: Apache-2.0
#include "policy/map_reader.h"

#include <algorithm>
#include <map>
#include <vector>

#include "policy/text.h"

namespace weir::policy {

std::string Quoted(std::string_view text) { return "`" + Printable(text.substr(0, 80)) + "`"; }

void MapReader::ReadMap(const YamlNode& map, std::string_view what, std::span<const Key> keys) {
  if (map.faulty) return;
  std::vector<std::string_view> names;
  for (const Key& key : keys) names.push_back(key.name);
  if (map.kind != YamlNode::Kind::kMap) {
    faults_->Error(At(map), std::string(what) + " must be a map, not " + Describe(map),
                   "write `key: value` lines; keys are " + Enumerate(names));
    return;
  }
  std::map<std::string_view, int> seen;
  for (std::size_t i = 0; i + 1 < map.items.size(); i += 2) {
    const YamlNode &key = map.items[i], &value = map.items[i + 1];
    if (key.faulty) continue;
    if (key.kind != YamlNode::Kind::kScalar) {
      faults_->Error(At(key), "a key must be a word, not " + Describe(key), "keys here are " + Enumerate(names));
      continue;
    }
    if (const auto [first, fresh] = seen.emplace(key.value, key.line); !fresh) {
      faults_->Error(
          At(key),
          "the key " + Quoted(key.value) + " stands twice (first in line " + std::to_string(first->second) + ")",
          "merge the two, or remove one");
      continue;
    }
    const auto known = std::find_if(keys.begin(), keys.end(), [&](const Key& k) { return k.name == key.value; });
    if (known != keys.end()) {
      known->handler(key, value);
      continue;
    }
    const std::string near = Nearest(key.value, names);
    faults_->Error(At(key), "unknown key " + Quoted(key.value) + " in " + std::string(what),
                   (near.empty() ? "" : "did you mean `" + near + "`? ") + "Keys here are " + Enumerate(names));
  }
}

const std::string* MapReader::Scalar(const YamlNode& key, const YamlNode& value, std::string_view example) {
  if (value.faulty) return nullptr;
  if (value.kind == YamlNode::Kind::kScalar && !value.value.empty()) return &value.value;
  faults_->Error(At(value),
                 Quoted(key.value) + " must be one value, not " +
                     (value.kind == YamlNode::Kind::kScalar ? "empty text" : Describe(value)),
                 "write `" + Printable(key.value) + ": " + std::string(example) + "`");
  return nullptr;
}

}  // namespace weir::policy
