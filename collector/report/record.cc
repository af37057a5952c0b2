// SPDX-License-Identifier: Apache-2.0
#include "collector/report/record.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace weir::report {
namespace {

using nlohmann::json;

const json& Member(const json& object, const char* name) {
  static const json kNone;
  if (!object.is_object()) return kNone;
  const auto found = object.find(name);
  return found == object.end() ? kNone : *found;
}

std::string Text(const json& object, const char* name) {
  const json& value = Member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::uint64_t Number(const json& value) {
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  return 0;
}

std::int64_t Time(const json& object, const char* name) {
  const json& value = Member(object, name);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::vector<std::string> Texts(const json& array) {
  std::vector<std::string> texts;
  if (!array.is_array()) return texts;
  for (const json& item : array) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::map<std::string, std::uint64_t> Losses(const json& object) {
  std::map<std::string, std::uint64_t> losses;
  if (!object.is_object()) return losses;
  for (const auto& [kind, count] : object.items()) {
    if (Number(count) != 0) losses[kind] = Number(count);
  }
  return losses;
}

VerdictCounts Counts(const json& object) {
  return {Number(Member(object, "allowed")), Number(Member(object, "denied")), Number(Member(object, "would_deny"))};
}

void AddGaps(const json& array, Record& record) {
  if (!array.is_array()) return;
  for (const json& gap : array) {
    record.gaps.push_back(
        {Text(gap, "reason"), Time(gap, "from_ns"), Time(gap, "until_ns"), Losses(Member(gap, "lost"))});
  }
}

void AddPrograms(const json& array, Record& record) {
  if (!array.is_array()) return;
  for (const json& program : array) {
    record.programs.push_back({Text(program, "name"), Text(program, "tag"), Text(program, "attach")});
  }
}

}  // namespace

Result<Record> ParseRecord(std::string_view text) {
  const json statement = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!statement.is_object()) return Fail(Code::kInvalid, "the enforcement record is no JSON object");
  const json& predicate = Member(statement, "predicate");
  const json& armed = Member(predicate, "armed");
  const json& complete = Member(predicate, "complete");
  const json& counts = Member(predicate, "counts");
  if (!armed.is_boolean() || !complete.is_boolean() || !counts.is_object()) {
    return Fail(Code::kInvalid, "the enforcement record lacks armed, complete or counts");
  }
  Record record;
  record.armed = armed.get<bool>();
  record.complete = complete.get<bool>();
  record.reasons = Texts(Member(predicate, "reasons"));
  record.counts = Counts(counts);
  const json& hooks = Member(counts, "by_hook");
  if (hooks.is_object()) {
    for (const auto& [hook, of_hook] : hooks.items()) record.counts_by_hook[hook] = Counts(of_hook);
  }
  record.lost = Losses(Member(predicate, "lost"));
  AddGaps(Member(predicate, "gaps"), record);
  AddPrograms(Member(predicate, "programs"), record);
  record.canary_begin = Text(Member(predicate, "canary"), "begin");
  record.canary_end = Text(Member(predicate, "canary"), "end");
  record.policy_digest = Text(Member(predicate, "policy"), "digest");
  record.mode = Text(Member(predicate, "policy"), "mode");
  record.kernel = Text(predicate, "kernel");
  record.sensor_version = Text(predicate, "sensor_version");
  record.event_digest = Text(predicate, "event_digest");
  return record;
}

}  // namespace weir::report
