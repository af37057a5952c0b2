// SPDX-License-Identifier: Apache-2.0
#include "policy/reader.h"

#include <algorithm>
#include <array>

#include "policy/text.h"

namespace weir::policy {
namespace {

constexpr std::size_t kMaxJobs = 1'000;

}  // namespace

std::string Reader::Note(const YamlNode& key, const YamlNode& value) {
  const std::string* text = Scalar(key, value, "a short note");
  if (text == nullptr) return {};
  for (std::size_t i = 0; i < text->size();) {
    const auto point = DecodeUtf8(*text, i);
    if (!point || (IsDeceptive(point->value) && point->value != '\t')) {
      faults_->Error(At(value), Quoted(key.value) + " has a control or invisible character", "remove the escape");
      return {};
    }
    i += point->bytes;
  }
  if (text->size() <= kMaxNoteBytes) return *text;
  faults_->Error(At(value), Quoted(key.value) + " has " + std::to_string(text->size()) + " bytes",
                 "keep notes below " + std::to_string(kMaxNoteBytes) + " bytes; link to the rest");
  return {};
}

std::vector<Include> Reader::Read(const YamlNode& root, bool included) {
  std::vector<Include> includes;
  if (root.faulty) return includes;
  if (root.kind == YamlNode::Kind::kNull || (root.kind == YamlNode::Kind::kMap && root.items.empty())) {
    faults_->Error({file_, 1, 1}, "the file is empty",
                   included ? "write `version: 1` and `allow:`, or remove the include"
                            : "begin with `version: 1`, `mode: audit`; `weir policy suggest` writes a whole policy");
    return includes;
  }
  bool has_version = false;
  std::optional<Position> has_mode;
  bool* none = &policy_->allow_none;
  bool* all = included ? nullptr : &policy_->allow_all;
  std::vector<Key> keys = {
      {"version", [&](auto& k, auto& v) { has_version = true, ReadVersion(k, v); }},
      {"allow", [&](auto& k, auto& v) { ReadRules(k, v, false, &policy_->rules, none, all); }},
      {"deny", [&](auto& k, auto& v) { ReadRules(k, v, true, &policy_->rules, nullptr); }},
      {"include", [&](auto& k, auto& v) { ReadIncludes(k, v, &includes); }},
  };
  const std::vector<Key> top_only = {
      {"mode", [&](auto& k, auto& v) { has_mode = At(k), policy_->mode = ReadMode(k, v); }},
      {"dns", [&](auto&, auto& v) { ReadDns(v); }},
      {"guard", [&](auto& k, auto& v) { ReadGuard(k, v, &policy_->guard); }},
      {"sockets", [&](auto&, auto& v) { ReadSockets(v, &policy_->sockets); }},
      {"on_deny", [&](auto& k, auto& v) { policy_->on_deny = ReadOnDeny(k, v).value_or(OnDeny::kReport); }},
      {"leftovers", [&](auto& k, auto& v) { policy_->leftovers = ReadLeftovers(k, v); }},
      {"jobs", [&](auto& k, auto& v) { ReadJobs(k, v); }},
  };
  for (const Key& key : top_only) {
    keys.push_back(
        !included ? key
                  : Key{key.name, [this](auto& k, auto&) {
                          faults_->Error(
                              At(k), Quoted(k.value) + " cannot stand in an included file",
                              "move it to the top file; included files have `version`, `allow`, `deny` and `include`");
                        }});
  }
  ReadMap(root, included ? "an included file" : "the policy", keys);
  if (root.kind != YamlNode::Kind::kMap) return includes;
  if (!has_version) faults_->Error({file_, 1, 1}, "`version` is missing", "begin the file with `version: 1`");
  if (has_mode) policy_->mode_at = *has_mode;
  if (!included && !has_mode) {
    faults_->Error({file_, 1, 1}, "`mode` is missing", "write `mode: audit` (watch) or `mode: block` (enforce)");
  }
  return includes;
}

void Reader::ReadVersion(const YamlNode& key, const YamlNode& value) {
  const std::string* text = Scalar(key, value, "1");
  if (text == nullptr || (*text == "1" && !value.quoted)) return;
  faults_->Error(At(value),
                 value.quoted ? "`version` must be a number, not text" : "version " + Quoted(*text) + " is not known",
                 "write `version: 1`");
}

std::optional<Mode> Reader::ReadMode(const YamlNode& key, const YamlNode& value) {
  const std::string* text = Scalar(key, value, "audit");
  if (text == nullptr) return std::nullopt;
  if (*text == "audit") return Mode::kAudit;
  if (*text == "block") return Mode::kBlock;
  constexpr std::array<std::string_view, 2> kModes = {"audit", "block"};
  const std::string near = Nearest(*text, kModes);
  faults_->Error(At(value), Quoted(*text) + " is not a mode",
                 (near.empty() ? "" : "did you mean `" + near + "`? ") + "Write `mode: audit` or `mode: block`");
  return std::nullopt;
}

std::optional<Leftovers> Reader::ReadLeftovers(const YamlNode& key, const YamlNode& value) {
  const std::string* text = Scalar(key, value, "report");
  if (text == nullptr) return std::nullopt;
  if (*text == "report") return Leftovers::kReport;
  if (*text == "kill") return Leftovers::kKill;
  faults_->Error(At(value), Quoted(*text) + " is not a value of `leftovers`",
                 "write `leftovers: report` or `leftovers: kill`");
  return std::nullopt;
}

std::optional<OnDeny> Reader::ReadOnDeny(const YamlNode& key, const YamlNode& value) {
  const std::string* text = Scalar(key, value, "report");
  if (text == nullptr) return std::nullopt;
  if (*text == "report") return OnDeny::kReport;
  if (*text == "fail") return OnDeny::kFail;
  faults_->Error(At(value), Quoted(*text) + " is not a value of `on_deny`",
                 "write `on_deny: report` or `on_deny: fail`");
  return std::nullopt;
}

void Reader::ReadIncludes(const YamlNode& key, const YamlNode& value, std::vector<Include>* includes) {
  if (value.faulty) return;
  if (value.kind != YamlNode::Kind::kList || value.items.empty()) {
    faults_->Error(At(value),
                   "`include` must be a list of files, not " +
                       (value.kind == YamlNode::Kind::kList ? "an empty list" : Describe(value)),
                   "write `include: [egress/common.yml]`, relative to this file, or remove the key");
    return;
  }
  for (const YamlNode& item : value.items) {
    if (const std::string* path = Scalar(key, item, "[egress/common.yml]")) includes->push_back({*path, At(item)});
  }
}

void Reader::ReadJobs(const YamlNode&, const YamlNode& value) {
  if (value.faulty) return;
  if (value.kind != YamlNode::Kind::kMap || value.items.empty()) {
    faults_->Error(At(value),
                   "`jobs` must be a map of job names, not " +
                       (value.kind == YamlNode::Kind::kMap ? "an empty map" : Describe(value)),
                   "write a workflow job's id or name below it, with `allow:` of its own, or remove the key");
    return;
  }
  std::map<std::string_view, int> seen;
  for (std::size_t i = 0; i + 1 < value.items.size(); i += 2) {
    const YamlNode &name = value.items[i], &body = value.items[i + 1];
    if (name.faulty || body.faulty) continue;
    if (name.kind != YamlNode::Kind::kScalar || name.value.empty() || name.value.size() > 256) {
      faults_->Error(At(name), "a job's name must be text of 1 to 256 bytes", "write the id of the workflow job");
      continue;
    }
    if (const auto [first, fresh] = seen.emplace(name.value, name.line); !fresh) {
      faults_->Error(
          At(name),
          "the key " + Quoted(name.value) + " stands twice (first in line " + std::to_string(first->second) + ")",
          "merge the two, or remove one");
      continue;
    }
    if (seen.size() > kMaxJobs) {
      faults_->Error(At(name), "more than " + std::to_string(kMaxJobs) + " jobs", "split the policy");
      return;
    }
    JobPolicy job;
    job.name = name.value;
    job.at = At(name);
    const std::array<Key, 7> keys = {{
        {"mode", [&](auto& k, auto& v) { job.mode = ReadMode(k, v); }},
        {"allow", [&](auto& k, auto& v) { ReadRules(k, v, false, &job.rules, &job.allow_none); }},
        {"deny", [&](auto& k, auto& v) { ReadRules(k, v, true, &job.rules, nullptr); }},
        {"on_deny", [&](auto& k, auto& v) { job.on_deny = ReadOnDeny(k, v); }},
        {"leftovers", [&](auto& k, auto& v) { job.leftovers = ReadLeftovers(k, v); }},
        {"guard", [&](auto& k, auto& v) { ReadGuard(k, v, &job.guard); }},
        {"sockets", [&](auto&, auto& v) { ReadSockets(v, &job.sockets); }},
    }};
    ReadMap(body, "the job " + Quoted(name.value), keys);
    policy_->jobs.push_back(std::move(job));
  }
}

}  // namespace weir::policy
