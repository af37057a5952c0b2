// SPDX-License-Identifier: Apache-2.0
// Lists of rules.
#include <algorithm>
#include <array>

#include "policy/reader.h"
#include "policy/text.h"

namespace weir::policy {

void Reader::ReadRules(const YamlNode& key, const YamlNode& value, bool deny, std::vector<Rule>* rules,
                       bool* allow_none, bool* allow_all) {
  if (value.faulty) return;
  const std::string name = Printable(key.value);
  if (!deny && value.kind == YamlNode::Kind::kScalar && value.value == "none") {
    *allow_none = true;
    return;
  }
  if (allow_all != nullptr && value.kind == YamlNode::Kind::kScalar && value.value == "all") {
    *allow_all = true;
    return;
  }
  const std::string remedy =
      deny ? "write `- host` lines below it, or remove the key"
           : "write `- host:port` lines below it; `allow: none` is how to allow nothing on purpose";
  if (value.kind == YamlNode::Kind::kNull || (value.kind == YamlNode::Kind::kList && value.items.empty())) {
    faults_->Error(At(value), "`" + name + "` is empty", remedy);
    return;
  }
  if (value.kind != YamlNode::Kind::kList) {
    faults_->Error(At(value), "`" + name + "` must be a list, not " + Describe(value), remedy);
    return;
  }
  for (const YamlNode& item : value.items) {
    if (++*rules_read_ > kMaxPolicyRules) {
      faults_->Error(At(item), "more than " + std::to_string(kMaxPolicyRules) + " rules",
                     "use prefixes and wildcards, or split the policy by job");
      return;
    }
    ReadRule(item, deny, rules);
  }
}

void Reader::ReadRule(const YamlNode& item, bool deny, std::vector<Rule>* rules) {
  if (item.faulty) return;
  Rule rule;
  rule.deny = deny;
  rule.at = At(item);
  bool usable = false;
  const std::size_t errors_before = faults_->errors();
  if (item.kind == YamlNode::Kind::kScalar) {
    ReadEndpoint(item, &rule, &usable);
  } else if (item.kind == YamlNode::Kind::kMap) {
    const auto not_in_deny = [&](const YamlNode& key, std::string_view why) {
      faults_->Error(At(key), Quoted(key.value) + " cannot stand in a deny rule", std::string(why));
    };
    bool has_endpoint = false;
    const std::array<Key, 5> keys = {{
        {"endpoint", [&](auto&, auto& v) { has_endpoint = true, ReadEndpoint(v, &rule, &usable); }},
        {"reason", [&](auto& k, auto& v) { rule.reason = Note(k, v); }},
        {"owner", [&](auto& k, auto& v) { rule.owner = Note(k, v); }},
        {"process",
         [&](auto& k, auto& v) {
           if (!deny) return ReadProcesses(k, v, &rule);
           not_in_deny(k, "a denial holds for every process; to let one process through, bind an allow rule to it");
         }},
        {"expires",
         [&](auto& k, auto& v) {
           if (!deny) return ReadExpires(k, v, &rule);
           not_in_deny(k, "a denial that ends by itself would open the policy on a day when nobody looks; remove it");
         }},
    }};
    ReadMap(item, "a rule", keys);
    if (!has_endpoint) {
      faults_->Error(At(item), "a rule without `endpoint`",
                     "write `- endpoint: example.org:443` and the rest below it");
    }
  } else {
    const bool list = item.kind == YamlNode::Kind::kList;
    faults_->Error(At(item), "a rule must be an endpoint or a map, not " + Describe(item),
                   list ? "an IPv6 endpoint needs quotes: `- \"[2001:db8::1]:443\"`" : "write `- example.org:443`");
  }
  if (usable && faults_->errors() == errors_before) rules->push_back(std::move(rule));
}

void Reader::ReadEndpoint(const YamlNode& value, Rule* rule, bool* usable) {
  if (value.faulty) return;
  rule->at = At(value);
  if (value.kind != YamlNode::Kind::kScalar) {
    const bool list = value.kind == YamlNode::Kind::kList;
    faults_->Error(
        At(value), "`endpoint` must be text, not " + Describe(value),
        list ? "an IPv6 endpoint needs quotes: `\"[2001:db8::1]:443\"`" : "write `endpoint: example.org:443`");
    return;
  }
  EndpointResult parsed = ParseEndpoint(value.value, rule->deny ? ListKind::kDeny : ListKind::kAllow);
  for (EndpointFault& fault : parsed.faults) {
    Position at = At(value);
    if (value.literal) at.column += static_cast<int>(fault.offset) + (value.quoted ? 1 : 0);
    faults_->Add(MakeFault(at, std::move(fault.reason), std::move(fault.suggestion), fault.severity));
  }
  if (!parsed.endpoint) return;
  rule->endpoint = std::move(*parsed.endpoint);
  rule->text = value.value;
  *usable = true;
}

void Reader::ReadProcesses(const YamlNode& key, const YamlNode& value, Rule* rule) {
  if (value.faulty) return;
  constexpr std::string_view kExample = "[/usr/bin/npm, node]";
  const bool one = value.kind == YamlNode::Kind::kScalar;
  if ((!one && value.kind != YamlNode::Kind::kList) || (!one && value.items.empty())) {
    faults_->Error(At(value),
                   "`process` must be a list of executables, not " +
                       (value.kind == YamlNode::Kind::kList ? "an empty list" : Describe(value)),
                   "write `process: " + std::string(kExample) + "`, or remove the key to admit every process");
    return;
  }
  for (const YamlNode& item : one ? std::vector<YamlNode>{value} : value.items) {
    const std::string* text = Scalar(key, item, kExample);
    if (text == nullptr) continue;
    const auto fault = [&](std::string reason, std::string suggestion) {
      faults_->Error(At(item), Quoted(*text) + reason, std::move(suggestion));
    };
    const bool path = text->front() == '/';
    if (*text != Printable(*text)) {
      fault(" has control or invisible characters", "write the path of the executable");
    } else if (path ? text->size() > kMaxExecutablePathBytes : text->size() > kMaxExecutableBytes) {
      fault(" is longer than " + std::to_string(path ? kMaxExecutablePathBytes : kMaxExecutableBytes) + " bytes",
            path ? "use the name of the executable" : "use its absolute path");
    } else if (!path && text->find('/') != text->npos) {
      fault(" is neither an absolute path nor a file name",
            "write the absolute path, or only `" + Printable(text->substr(text->rfind('/') + 1)) + "`");
    } else if (path && (text->ends_with('/') || text->find("//") != text->npos ||
                        (*text + "/").find("/./") != text->npos || (*text + "/").find("/../") != text->npos)) {
      fault(" is not a plain path to a file", "write it without `.`, `..` and double slashes");
    } else if (text->find_first_of("*?") != text->npos) {
      fault(" has a wildcard", "executables are named exactly: list each");
    } else if (*text == "." || *text == "..") {
      fault(" is not an executable", "write the name of the executable");
    } else {
      rule->processes.push_back(*text);
    }
  }
  std::sort(rule->processes.begin(), rule->processes.end());
  rule->processes.erase(std::unique(rule->processes.begin(), rule->processes.end()), rule->processes.end());
}

void Reader::ReadExpires(const YamlNode& key, const YamlNode& value, Rule* rule) {
  const std::string* text = Scalar(key, value, "2027-03-01");
  if (text == nullptr) return;
  rule->expires = ParseDate(*text);
  if (rule->expires) return;
  faults_->Error(At(value), Quoted(*text) + " is not a date",
                 "write the last day on which the rule holds as YYYY-MM-DD, such as `expires: 2027-03-01`");
}

}  // namespace weir::policy
