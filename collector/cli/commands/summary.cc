// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/summary.h"

#include <algorithm>
#include <map>
#include <set>

#include "collector/cli/commands/rows.h"
#include "collector/report/escape.h"

namespace weir::cli {
namespace {

constexpr std::size_t kShownFlows = 10;
constexpr std::string_view kPrefix = "weir: ";

std::string Counted(std::uint64_t count, const std::string& what) { return std::to_string(count) + " " + what; }

Tone ToneOfVerdict(const Summary& summary) {
  if (summary.denied > 0) return Tone::kBad;
  const bool unsure = !summary.armed || !summary.complete || summary.not_stored || summary.would_deny > 0;
  return unsure ? Tone::kWarn : Tone::kGood;
}

// A line for one refused flow: what, who, why; cut to the screen, escaped.
std::string RefusedLine(const v1::FlowRow& flow, std::size_t others, bool at_least, const Screen& screen) {
  const std::string verdict = flow.id().verdict() == v1::VERDICT_DENY ? "denied" : "would deny";
  std::string target = TargetOf(flow);
  if (!flow.name().empty() && flow.query_type().empty() && flow.id().hook() != v1::HOOK_SOCKET) {
    target += " (" + flow.id().address() + ")";
  }
  if (others > 0) target += (at_least ? " and at least " : " and ") + std::to_string(others) + " more";
  std::string text = report::ForTerminal(target + " by " + ProcessOf(flow) + ": " + ReasonOf(flow));
  if (flow.count() > 1 && others == 0) text += " ×" + std::to_string(flow.count());
  const std::size_t used = kPrefix.size() + 2 + verdict.size() + 1;
  if (screen.columns > 0) text = report::Shorten(text, static_cast<std::size_t>(screen.columns) - used);
  return "  " + Paint(screen, ToneOf(flow.id().verdict()), verdict) + " " + text;
}

// Refused flows that say the same to a reader: a scan, or names that one process asked for.
std::string FamilyOf(const v1::FlowRow& flow) {
  const auto& id = flow.id();
  const bool lookup = !flow.query_type().empty();
  if (!lookup && (!flow.name().empty() || id.hook() == v1::HOOK_SOCKET)) return "";
  return std::to_string(id.exec_id()) + " " + std::to_string(id.verdict()) + " " + ReasonOf(flow) + " " +
         (lookup ? "lookups" : std::to_string(id.port()) + "/" + id.protocol());
}

struct Family {
  const v1::FlowRow* first;
  std::size_t members = 1;
};

// Families of five and more are one line.
std::vector<Family> Families(const std::vector<v1::FlowRow>& flows) {
  constexpr std::size_t kJoin = 5;
  std::map<std::string, std::size_t> sizes;
  for (const auto& flow : flows) ++sizes[FamilyOf(flow)];
  sizes.erase("");
  std::set<std::string> seen;
  std::vector<Family> families;
  for (const auto& flow : flows) {
    const auto size = sizes.find(FamilyOf(flow));
    const bool join = size != sizes.end() && size->second >= kJoin;
    if (join && !seen.insert(size->first).second) continue;
    families.push_back({&flow, join ? size->second : 1});
  }
  return families;
}

std::vector<std::string> Lines(const Summary& summary, const Screen& screen) {
  std::vector<std::string> lines = {Paint(screen, ToneOfVerdict(summary), VerdictLine(summary))};
  for (const auto& reason : summary.not_armed_reasons) lines.push_back("  not armed: " + report::ForTerminal(reason));
  const auto families = Families(summary.refused);
  const std::size_t shown = std::min(families.size(), kShownFlows);
  for (std::size_t i = 0; i < shown; ++i) {
    lines.push_back(RefusedLine(*families[i].first, families[i].members - 1, summary.more_refused, screen));
  }
  if (families.size() > shown || summary.more_refused)
    lines.push_back("  … and more: weir egress --denied --job " + summary.job_id);
  for (const auto& leftover : summary.leftovers) {
    lines.push_back("  still running, still judged: " + report::ForTerminal(leftover));
  }
  if (summary.not_stored)
    lines.push_back(
        "  the collector has not confirmed all of the job's events; see the sensor's log and `weir status`");
  if (!summary.has_policy)
    lines.push_back("no policy was given; to write one: weir policy suggest --job " + summary.job_id);
  std::string where = "job " + summary.job_id;
  for (const auto& path : summary.reports) where += ", report " + report::ForTerminal(path);
  lines.push_back(where);
  return lines;
}

}  // namespace

std::string VerdictLine(const Summary& summary) {
  std::string line = Word(summary.mode);
  line += summary.armed ? ", armed" : ", NOT ARMED";
  const bool outlived = !summary.leftovers.empty();
  line += summary.complete ? ", complete: "
          : outlived       ? ", INCOMPLETE (processes outlived the job): "
                           : ", INCOMPLETE (records were lost): ";
  if (summary.allowed) line += Counted(*summary.allowed, "allowed") + ", ";
  line += Counted(summary.denied, "denied");
  // In block mode nothing is "would deny", unless the mode of the record says otherwise.
  if (summary.mode == v1::MODE_AUDIT || summary.would_deny > 0) {
    line +=
        ", " + Counted(summary.would_deny, summary.has_policy ? "would be denied in block mode" : "not in any policy");
  }
  return line;
}

std::string Render(const Summary& summary, const Screen& screen) {
  std::string out;
  for (const auto& line : Lines(summary, screen)) out += std::string(kPrefix) + line + "\n";
  return out;
}

}  // namespace weir::cli
