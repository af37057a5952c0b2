// SPDX-License-Identifier: Apache-2.0
// From the YAML tree of one file to rules and settings. Internal to the policy library.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/map_reader.h"
#include "policy/policy.h"
#include "policy/source.h"
#include "policy/yaml_tree.h"

namespace weir::policy {

/// Reads the file `file` into `*policy`, adding to what is there. Faults never stop it.
class Reader : private MapReader {
 public:
  /// `rules_read` counts over all files of one policy.
  Reader(std::string file, ParsedPolicy* policy, std::size_t* rules_read, FaultSink* faults)
      : MapReader(std::move(file), faults), policy_(policy), rules_read_(rules_read) {}

  /// `included`: only lists and further includes may stand in it. Returns the paths in `include:` as written.
  std::vector<Include> Read(const YamlNode& root, bool included);

 private:
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

  ParsedPolicy* policy_;
  std::size_t* rules_read_;
};

}  // namespace weir::policy
