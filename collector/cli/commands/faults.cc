// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/faults.h"

#include <algorithm>

#include "collector/report/escape.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMostSourceColumns = 160;

// Line `number` (from 1) of a file; empty: not known.
std::string LineOfFile(const policy::SourceTexts& sources, const std::string& file, int number) {
  const auto found = sources.find(file);
  if (found == sources.end() || number <= 0) return "";
  std::string_view rest = found->second;
  for (int at = 1; at < number; ++at) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return "";
    rest.remove_prefix(end + 1);
  }
  return std::string(rest.substr(0, rest.find_first_of("\r\n")));
}

// The line and a caret, when the caret would stand on the screen.
std::string Excerpt(const std::string& line, int column, const Screen& screen) {
  if (line.empty() || column <= 0 || static_cast<std::size_t>(column) > line.size() + 1) return "";
  const std::size_t before = report::Columns(report::ForTerminal(line.substr(0, static_cast<std::size_t>(column) - 1)));
  const std::size_t limit = screen.columns > 0 ? static_cast<std::size_t>(screen.columns) - 4 : kMostSourceColumns;
  if (before >= limit) return "";
  return "  | " + report::Shorten(report::ForTerminal(line), limit) + "\n  | " + std::string(before, ' ') +
         Paint(screen, Tone::kBold, "^") + "\n";
}

}  // namespace

std::string RenderFaults(const std::vector<policy::Fault>& faults, const policy::SourceTexts& sources,
                         const Screen& screen) {
  std::string out;
  for (const auto& fault : faults) {
    const bool error = fault.severity == policy::Severity::kError;
    std::string place = report::ForTerminal(fault.file);
    if (fault.line > 0) place += ":" + std::to_string(fault.line) + ":" + std::to_string(fault.column);
    out += Paint(screen, Tone::kBold, place + ":") + " " +
           Paint(screen, error ? Tone::kBad : Tone::kWarn, error ? "error:" : "warning:") + " " +
           report::ForTerminal(fault.reason) + "\n";
    out += Excerpt(LineOfFile(sources, fault.file, fault.line), fault.column, screen);
    if (!fault.suggestion.empty()) out += "  help: " + report::ForTerminal(fault.suggestion) + "\n";
  }
  return out;
}

Json FaultJson(const policy::Fault& fault) {
  return {{"file", Text(fault.file)},
          {"line", fault.line},
          {"column", fault.column},
          {"severity", fault.severity == policy::Severity::kError ? "error" : "warning"},
          {"reason", Text(fault.reason)},
          {"suggestion", Text(fault.suggestion)}};
}

}  // namespace weir::cli
