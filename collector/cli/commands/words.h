// SPDX-License-Identifier: Apache-2.0
// The wire's enums as the words that people and JSON use (docs/schemas.md), and how verdicts look.
#pragma once

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "collector/cli/term/screen.h"
#include "weir/v1/event.pb.h"

namespace weir::cli {

using Json = nlohmann::ordered_json;

[[nodiscard]] std::string Word(v1::Mode mode);
[[nodiscard]] std::string Word(v1::Verdict verdict);
[[nodiscard]] std::string Word(v1::Hook hook);
[[nodiscard]] Tone ToneOf(v1::Verdict verdict);

/// "name:port/protocol", with the address where no name is known. TCP is not written; IPv6 is in brackets.
[[nodiscard]] std::string Destination(const std::string& name, const v1::FlowId& id);

/// A string for JSON from any bytes.
[[nodiscard]] Json Text(std::string_view bytes);

/// An array of such strings.
template <typename Strings>
[[nodiscard]] Json Texts(const Strings& strings) {
  Json out = Json::array();
  for (const auto& string : strings) out.push_back(Text(string));
  return out;
}

/// An object of such strings, in the order of their names.
template <typename Labels>
[[nodiscard]] Json LabelsOf(const Labels& labels) {
  Json out = Json::object();
  const std::map<std::string, std::string> sorted(labels.begin(), labels.end());
  for (const auto& [key, value] : sorted) out[std::string(Text(key))] = Text(value);
  return out;
}

/// Is any of these rows of a step? Jobs without a Runner.Worker have none.
template <typename Rows>
[[nodiscard]] bool HasSteps(const Rows& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.step() != 0; });
}

/// 64-bit ids as text: many readers lose digits of numbers above 2^53.
[[nodiscard]] std::string Id(std::uint64_t id);

/// Prints the document on standard output.
void PutJson(const Json& document);

}  // namespace weir::cli
