// SPDX-License-Identifier: Apache-2.0
// From the YAML tree of one file to rules and settings. Internal to the policy library.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "policy/source.h"
#include "policy/yaml_tree.h"

namespace weir::policy {

/// Reads the file `file` into `*policy`, adding to what is there. Faults never stop it.
class Reader {
 public:
  /// `rules_read` counts over all files of one policy.
  Reader(std::string file, ParsedPolicy* policy, std::size_t* rules_read, FaultSink* faults)
      : file_(std::move(file)), policy_(policy), rules_read_(rules_read), faults_(faults) {}

  /// `included`: only lists and further includes may stand in it. Returns the paths in `include:` as written.
  std::vector<Include> Read(const YamlNode& root, bool included);

 private:
  using Handler = std::function<void(const YamlNode& key, const YamlNode& value)>;
  struct Key {
    std::string_view name;
    Handler handler;
  };

  [[nodiscard]] Position At(const YamlNode& node) const { return {file_, node.line, node.column}; }
  void ReadMap(const YamlNode& map, std::string_view what, std::span<const Key> keys);
  [[nodiscard]] const std::string* Scalar(const YamlNode& key, const YamlNode& value, std::string_view example);
  [[nodiscard]] std::string Note(const YamlNode& key, const YamlNode& value);

  void ReadVersion(const YamlNode& key, const YamlNode& value);
  [[nodiscard]] std::optional<Mode> ReadMode(const YamlNode& key, const YamlNode& value);
  [[nodiscard]] std::optional<Leftovers> ReadLeftovers(const YamlNode& key, const YamlNode& value);
  [[nodiscard]] std::optional<OnDeny> ReadOnDeny(const YamlNode& key, const YamlNode& value);
  void ReadRules(const YamlNode& key, const YamlNode& value, bool deny, std::vector<Rule>* rules, bool* allow_none,
                 bool* allow_all = nullptr);
  void ReadRule(const YamlNode& item, bool deny, std::vector<Rule>* rules);
  void ReadEndpoint(const YamlNode& value, Rule* rule, bool* usable);
  void ReadProcesses(const YamlNode& key, const YamlNode& value, Rule* rule);
  void ReadExpires(const YamlNode& key, const YamlNode& value, Rule* rule);
  void ReadIncludes(const YamlNode& key, const YamlNode& value, std::vector<Include>* includes);
  void ReadDns(const YamlNode& value);
  void ReadResolvers(const YamlNode& key, const YamlNode& value);
  void ReadMaxAge(const YamlNode& key, const YamlNode& value);
  void ReadGuard(const YamlNode& key, const YamlNode& value, std::map<std::string, std::string>* guard);
  void ReadSockets(const YamlNode& value, std::map<std::string, std::string>* sockets);
  void ReadJobs(const YamlNode& key, const YamlNode& value);

  std::string file_;
  ParsedPolicy* policy_;
  std::size_t* rules_read_;
  FaultSink* faults_;
};

}  // namespace weir::policy
