// SPDX-License-Identifier: Apache-2.0
// What was refused: a sentence each for the worst, and the table.
#include <algorithm>
#include <set>
#include <string>

#include "collector/report/escape.h"
#include "collector/report/html_parts.h"
#include "collector/report/refused.h"
#include "collector/report/steps.h"
#include "collector/report/words.h"

namespace weir::report::html {
namespace {

constexpr std::size_t kMaxRows = 500;
constexpr std::size_t kMaxLead = 3;
constexpr std::size_t kMaxAddresses = 4;

std::string Row(const Attempt& attempt) {
  const Contact& contact = *attempt.first;
  const store::Flow& flow = contact.stored.flow;
  const bool denied = contact.verdict() == store::Verdict::kDeny;
  const std::string process =
      contact.arguments.empty() ? contact.executable : CommandLine(std::span(contact.arguments));
  std::string out = std::string("<tr><td><span class=\"tag ") +
                    (denied ? "bad\">✕ denied" : "warn\">! would be denied") + "</span></td><td class=\"what\">" +
                    Code(attempt.title, 120);
  if (attempt.members > 1) {
    out += "<span class=\"sub\">such as " + List(attempt.examples, attempt.examples.size(), false) + "</span>";
  } else if (!attempt.addresses.empty()) {
    const bool lookup = flow.key.hook == store::Hook::kDns;
    out += std::string("<span class=\"sub\">") + (lookup ? "asked of " : "at ") +
           List(attempt.addresses, kMaxAddresses, false) + "</span>";
  }
  out += "</td><td class=\"who\">" + Code(process, 240) + "<span class=\"sub\">pid " + std::to_string(flow.pid) +
         ForHtml(InStep(contact.stored.step), 100);
  if (!contact.ancestry.empty()) out += " · " + Code(AncestryLine(contact), 300);
  out += "</span></td><td class=\"why\">" + ForHtml(WhyClause(flow.key.why), 120) + "<span class=\"sub\">" +
         Code(flow.key.why, 64) + " at " + std::string(HookWord(flow.key.hook));
  if (!flow.rule.empty()) out += ", rule " + Code(flow.rule, 100);
  return out + "</span></td><td class=\"n\">" + Grouped(attempt.times) + "</td></tr>";
}

}  // namespace

std::string Culprits(const JobReport& report) {
  const auto attempts = Attempts(report);
  std::set<std::string_view> reached;  // more than looked up
  for (const Attempt& attempt : attempts) {
    if (attempt.first->stored.flow.key.hook != store::Hook::kDns) reached.insert(attempt.target);
  }
  std::string out;
  std::set<std::pair<std::string_view, std::string_view>> said;  // program and target
  for (const Attempt& attempt : attempts) {
    const Contact& contact = *attempt.first;
    if (!said.insert({contact.executable, attempt.target}).second || said.size() > kMaxLead) continue;
    const bool denied = contact.verdict() == store::Verdict::kDeny;
    const bool socket = contact.stored.flow.key.hook == store::Hook::kSocket;
    out += std::string("<li><span aria-hidden=\"true\">") + (denied ? "✕" : "!") + "</span><div>" +
           Code(BaseName(contact.executable), 60) +
           (socket   ? (denied ? " tried to open " : " opened ")
            : denied ? " tried to reach "
                     : (reached.contains(attempt.target) ? " reached " : " looked up ")) +
           Code(attempt.target, 120) + "<span class=\"sub\">" +
           (contact.ancestry.empty() ? "" : Code(AncestryLine(contact), 200) + " · ") +
           ForHtml(WhyClause(contact.stored.flow.key.why), 120) + ForHtml(InStep(contact.stored.step), 100) +
           "</span></div></li>";
  }
  if (out.empty()) return "";
  if (said.size() > kMaxLead) {
    out += "<li><span aria-hidden=\"true\">…</span><div>and " + Grouped(said.size() - kMaxLead) +
           " more, below</div></li>";
  }
  return "<ul class=\"culprits\">" + out + "</ul>";
}

std::string Refused(const JobReport& report) {
  const auto attempts = Attempts(report);
  if (attempts.empty()) return "";
  const bool denied = report.refused.front().verdict() == store::Verdict::kDeny;
  std::string out = std::string("<section><h2>") + (denied ? "Refused" : "Would be refused in block mode") +
                    "</h2><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">verdict</th><th "
                    "scope=\"col\">what</th><th scope=\"col\">process</th><th scope=\"col\">why</th><th "
                    "scope=\"col\" class=\"n\">times</th></tr></thead><tbody>";
  std::size_t shown = 0;
  for (std::size_t i = 0; i < std::min(attempts.size(), kMaxRows); ++i) {
    out += Row(attempts[i]);
    shown += attempts[i].contacts;
  }
  return out + "</tbody></table></div>" + More(report.refused.size(), shown, "refused contact") + "</section>";
}

}  // namespace weir::report::html
