// SPDX-License-Identifier: Apache-2.0
#include "policy/format.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "policy/compile.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

using json = nlohmann::ordered_json;  // `schema` first, as docs/schemas.md promises

constexpr std::size_t kShownBytes = 120;  // of a source line

std::string_view SeverityName(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

// Lines of the sources, split when the first fault in a file is shown.
class LineIndex {
 public:
  explicit LineIndex(const SourceTexts& sources) : sources_(sources) {}

  // Without its end and, as columns count, without a byte order mark. Empty: not known.
  std::string_view Line(const std::string& file, int number) {
    const auto source = sources_.find(file);
    if (source == sources_.end() || number <= 0) return {};
    auto [entry, fresh] = lines_.try_emplace(file);
    std::string_view text = source->second;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    if (fresh) entry->second = Split(text, '\n');
    if (static_cast<std::size_t>(number) > entry->second.size()) return {};
    std::string_view line = entry->second[static_cast<std::size_t>(number) - 1];
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

 private:
  const SourceTexts& sources_;
  std::map<std::string, std::vector<std::string_view>> lines_;
};

std::size_t CountCodePoints(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// A CI runner executes `##[name]` anywhere in a line of a log and `::name …::` after leading blanks (actions/runner,
// src/Runner.Common/ActionCommand.cs). A pull request can write both into a policy; here they are only shown. `*mark`,
// a place in the line, moves with the text.
std::string Defused(std::string line, std::size_t* mark = nullptr) {
  const auto escape = [&](std::size_t at) {
    const std::string hex = line[at] == '#' ? "\\x23" : "\\x3a";
    line.replace(at, 1, hex);
    if (mark != nullptr && *mark > at) *mark += hex.size() - 1;
  };
  for (std::size_t at = line.find("##["); at != line.npos; at = line.find("##[", at)) escape(at);
  // Runners trim every blank of Unicode; so whatever is not ASCII counts as one.
  const auto first = static_cast<std::size_t>(
      std::find_if(line.begin(), line.end(), [](unsigned char c) { return c > ' ' && c < 0x80; }) - line.begin());
  if (std::string_view(line).substr(first).starts_with("::")) escape(first);
  return line;
}

std::string DefusedLines(std::string_view text) {
  std::string out;
  for (const std::string_view line : Split(text, '\n')) {
    if (line.data() != text.data()) out += '\n';
    out += Defused(std::string(line));
  }
  return out;
}

// The source line and a caret below the fault, or nothing. A long line is shown from near the fault.
std::string Excerpt(const Fault& fault, LineIndex* lines) {
  std::string_view line = lines->Line(fault.file, fault.line);
  if (line.empty() || fault.column <= 0 || static_cast<std::size_t>(fault.column) - 1 > line.size()) return {};
  std::size_t column = static_cast<std::size_t>(fault.column) - 1;
  if (column > kShownBytes / 2) {
    std::size_t cut = column - kShownBytes / 2;
    while (cut < column && (static_cast<unsigned char>(line[cut]) & 0xc0) == 0x80) ++cut;
    line.remove_prefix(cut);
    column -= cut;
  }
  std::size_t length = std::min(line.size(), kShownBytes);
  while (length < line.size() && length > 0 && (static_cast<unsigned char>(line[length]) & 0xc0) == 0x80) --length;
  line = line.substr(0, length);
  column = std::min(column, line.size());
  std::string shown = Printable(line.substr(0, column));
  std::size_t caret = shown.size();
  shown = Defused(shown + Printable(line.substr(column)), &caret);
  return "    " + shown + "\n    " + std::string(CountCodePoints(std::string_view(shown).substr(0, caret)), ' ') +
         "^\n";
}

std::string Place(const std::string& file, int line, int column) {
  std::string out = Printable(file);
  if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out;
}

json RuleJson(const RuleInfo& rule) {
  return {{"rule", Printable(rule.text)},   {"deny", rule.deny},
          {"file", Printable(rule.file)},   {"line", rule.line},
          {"column", rule.column},          {"reason", Printable(rule.reason)},
          {"owner", Printable(rule.owner)}, {"expires", rule.expires}};
}

json RuleJson(std::uint32_t id, const RuleInfo& rule) {
  json out = {{"rule_id", id}};
  out.update(RuleJson(rule));
  return out;
}

json Texts(const std::vector<std::string>& texts) {
  json out = json::array();
  for (const std::string& text : texts) out.push_back(Printable(text));
  return out;
}

std::string Reached(bool reachable, const std::vector<std::string>& processes) {
  if (!reachable) return "not reachable";
  if (processes.empty()) return "any process";
  std::string out;
  for (const std::string& process : processes) out += (out.empty() ? "" : ", ") + Printable(process);
  return out;
}

json SideJson(bool reachable, const std::vector<std::string>& processes, const std::optional<RuleInfo>& rule) {
  return {{"reachable", reachable},
          {"processes", reachable && processes.empty() ? json("any") : Texts(processes)},
          {"rule", rule ? RuleJson(*rule) : json(nullptr)}};
}

}  // namespace

std::string FormatFaults(const std::vector<Fault>& faults, const SourceTexts& sources) {
  std::string out;
  LineIndex lines(sources);
  for (const Fault& fault : faults) {
    out += Defused(Place(fault.file, fault.line, fault.column) + ": " + std::string(SeverityName(fault.severity)) +
                   ": " + Printable(fault.reason)) +
           "\n" + Excerpt(fault, &lines) + Defused("    help: " + Printable(fault.suggestion)) + "\n";
  }
  return out;
}

json CheckJson(const std::string& file, const std::vector<Fault>& faults) {
  json list = json::array();
  for (const Fault& fault : faults) {
    list.push_back({{"severity", SeverityName(fault.severity)},
                    {"file", Printable(fault.file)},
                    {"line", fault.line},
                    {"column", fault.column},
                    {"reason", Printable(fault.reason)},
                    {"suggestion", Printable(fault.suggestion)}});
  }
  const auto errors = std::count_if(faults.begin(), faults.end(),
                                    [](const Fault& fault) { return fault.severity == Severity::kError; });
  return {{"schema", "weir.policy-check.v1"},
          {"file", Printable(file)},
          {"valid", errors == 0},
          {"errors", errors},
          {"warnings", static_cast<std::ptrdiff_t>(faults.size()) - errors},
          {"faults", std::move(list)}};
}

std::string FormatExplanation(const Explanation& explanation) {
  std::string out = Printable(explanation.endpoint);
  if (!explanation.process.empty()) out += " from " + Printable(explanation.process);
  out += ": " + explanation.verdict + " (" + explanation.why + ")\n  " + Printable(explanation.sentence) + "\n";
  if (explanation.rule && !explanation.rule->reason.empty()) {
    out += "  reason: " + Printable(explanation.rule->reason) + "\n";
  }
  if (explanation.rule && !explanation.rule->owner.empty())
    out += "  owner: " + Printable(explanation.rule->owner) + "\n";
  for (const Alternative& other : explanation.alternatives) {
    out += "  see also: `" + Printable(other.text) + "` " + Printable(other.note) + "\n";
  }
  return DefusedLines(out);
}

json ExplainJson(const Explanation& explanation) {
  json alternatives = json::array();
  for (const Alternative& other : explanation.alternatives) {
    alternatives.push_back(
        {{"rule_id", other.rule_id}, {"rule", Printable(other.text)}, {"note", Printable(other.note)}});
  }
  return {{"schema", "weir.policy-explain.v1"},
          {"endpoint", Printable(explanation.endpoint)},
          {"process", Printable(explanation.process)},
          {"mode", ModeName(explanation.mode)},
          {"verdict", explanation.verdict},
          {"why", explanation.why},
          {"rule", explanation.rule ? RuleJson(explanation.rule_id, *explanation.rule) : json(nullptr)},
          {"explanation", Printable(explanation.sentence)},
          {"alternatives", std::move(alternatives)}};
}

std::string FormatDiff(const PolicyDiff& diff) {
  if (diff.empty()) return "no change in what can be reached\n";
  std::string out;
  if (!diff.complete) out += "! not all was compared: too many combinations of prefixes and ports\n";
  for (const SettingChange& setting : diff.settings) {
    out += "  " + setting.key + ": " + Printable(setting.before) + " -> " + Printable(setting.after) + "\n";
  }
  for (const Change& change : diff.changes) {
    const char sign = change.kind == ChangeKind::kAdded || change.kind == ChangeKind::kWidened ? '+' : '-';
    out += std::string(1, sign) + " " + std::string(ChangeName(change.kind)) + " " + Printable(change.endpoint) + ": " +
           Reached(change.before, change.processes_before) + " -> " + Reached(change.after, change.processes_after);
    if (!change.related.empty()) {
      out += (change.kind == ChangeKind::kWidened ? ", was `" : ", left is `") + Printable(change.related) + "`";
    }
    const auto& rule = change.rule_after ? change.rule_after : change.rule_before;
    if (rule && rule->line > 0) out += "  (" + Place(rule->file, rule->line, rule->column) + ")";
    out += "\n";
  }
  return DefusedLines(out);
}

json DiffJson(const PolicyDiff& diff) {
  json settings = json::array(), changes = json::array();
  for (const SettingChange& setting : diff.settings) {
    settings.push_back(
        {{"key", setting.key}, {"before", Printable(setting.before)}, {"after", Printable(setting.after)}});
  }
  for (const Change& change : diff.changes) {
    changes.push_back({{"kind", ChangeName(change.kind)},
                       {"endpoint", Printable(change.endpoint)},
                       {"before", SideJson(change.before, change.processes_before, change.rule_before)},
                       {"after", SideJson(change.after, change.processes_after, change.rule_after)},
                       {"related_rule", Printable(change.related)}});
  }
  return {{"schema", "weir.policy-diff.v1"},
          {"complete", diff.complete},
          {"settings", std::move(settings)},
          {"changes", std::move(changes)}};
}

}  // namespace weir::policy
