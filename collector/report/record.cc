// SPDX-License-Identifier: Apache-2.0
#include "collector/report/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>
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

bool True(const json& object, const char* name) {
  const json& value = Member(object, name);
  return value.is_boolean() && value.get<bool>();
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
        {Text(gap, "reason"), Text(gap, "from"), Text(gap, "until"), Number(Member(gap, "lost_at_most"))});
  }
}

void AddPrograms(const json& array, Record& record) {
  if (!array.is_array()) return;
  for (const json& program : array) {
    record.programs.push_back(
        {Text(program, "name"), Text(program, "tag"), Text(program, "attach"), True(program, "attached")});
  }
}

void AddCanaries(const json& array, Record& record) {
  if (!array.is_array()) return;
  for (const json& canary : array) {
    record.canaries.push_back(
        {Text(canary, "at"), Text(canary, "verdict"), True(canary, "proven"), Text(canary, "reason")});
  }
}

void AddGuard(const json& object, Record& record) {
  if (!object.is_object()) return;
  for (const auto& [name, known] : object.items()) {
    record.guard.push_back({name, Text(known, "state"), Text(known, "why"), Text(known, "action"),
                            Number(Member(known, "denied")), Number(Member(known, "reported"))});
  }
}

void AddLosses(const json& lost, Record& record) {
  record.lost_in_kernel = Losses(Member(lost, "kernel"));
  record.lost_in_sensor = Losses(Member(lost, "sensor"));
  record.undecodable = Number(Member(lost, "undecodable"));
  record.undelivered = Number(Member(lost, "undelivered"));
  AddGaps(Member(lost, "gaps"), record);
}

}  // namespace

bool Record::ArmedToTheEnd() const {
  constexpr std::size_t kCanaries = 2;
  return armed && canaries.size() >= kCanaries &&
         std::all_of(canaries.begin(), canaries.end(), [](const RecordCanary& canary) { return canary.proven; }) &&
         std::all_of(programs.begin(), programs.end(), [](const RecordProgram& program) { return program.attached; });
}

Result<Record> ParseRecord(std::string_view text) {
  const json statement = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!statement.is_object()) return Fail(Code::kInvalid, "the enforcement record is no JSON object");
  const json& predicate = Member(statement, "predicate");
  const json& armed = Member(Member(predicate, "armed"), "armed");
  const json& complete = Member(predicate, "complete");
  const json& counts = Member(predicate, "counts");
  if (!armed.is_boolean() || !complete.is_boolean() || !counts.is_object()) {
    return Fail(Code::kInvalid, "the enforcement record lacks armed.armed, complete or counts");
  }
  Record record;
  record.armed = armed.get<bool>();
  record.complete = complete.get<bool>();
  record.not_armed = Texts(Member(Member(predicate, "armed"), "reasons"));
  record.reasons = Texts(Member(predicate, "reasons"));
  record.counts = Counts(counts);
  const json& hooks = Member(counts, "hooks");
  if (hooks.is_object()) {
    for (const auto& [hook, of_hook] : hooks.items()) record.counts_by_hook[hook] = Counts(of_hook);
  }
  AddLosses(Member(predicate, "lost"), record);
  AddPrograms(Member(predicate, "programs"), record);
  AddCanaries(Member(predicate, "canaries"), record);
  AddGuard(Member(predicate, "guard"), record);
  record.policy_digest = Text(Member(predicate, "policy"), "digest");
  record.mode = Text(Member(predicate, "policy"), "mode");
  record.kernel = Text(Member(predicate, "sensor"), "kernel");
  record.sensor_version = Text(Member(predicate, "sensor"), "version");
  record.event_digest = Text(Member(predicate, "events"), "sha256");
  return record;
}

}  // namespace weir::report
