// SPDX-License-Identifier: Apache-2.0
// What each step of a workflow reached, and what it was refused.
#include <algorithm>
#include <string>

#include "collector/report/escape.h"
#include "collector/report/html_parts.h"
#include "collector/report/steps.h"
#include "collector/report/words.h"

namespace weir::report::html {
namespace {

constexpr std::size_t kMaxRows = 500;
constexpr std::size_t kMaxListed = 6;

std::string Tags(const StepReport& step) {
  std::string out;
  if (step.denied != 0) out += "<span class=\"tag bad\">✕ " + Grouped(step.denied) + " denied</span> ";
  if (step.would_deny != 0)
    out += "<span class=\"tag warn\">! " + Grouped(step.would_deny) + " would be denied</span> ";
  return out;
}

std::string Row(const StepReport& step) {
  const store::Step& of = step.stored.step;
  std::string out = "<tr><td class=\"what\">" + Code(StepText(of.number, of.name), 80) + "<span class=\"sub\">" +
                    Code(WhatRan(step), 200) + "</span></td><td>" + List(step.reached, kMaxListed, false);
  if (step.destinations != 0) {
    out += "<span class=\"sub\">" + Plural(step.destinations, "destination") + ", " + Bytes(step.bytes_out) +
           " sent, " + Bytes(step.bytes_in) + " received</span>";
  }
  out += "</td><td>" + Tags(step);
  if (!step.refused.empty()) out += "<span class=\"sub\">" + List(step.refused, kMaxListed, false) + "</span>";
  return out + "</td><td class=\"n\">" + Grouped(step.processes) + "</td><td class=\"n\">" + Grouped(step.findings) +
         "</td></tr>";
}

}  // namespace

std::string Steps(const JobReport& report) {
  if (report.steps.empty()) return "";
  std::string out =
      "<section><h2>Steps</h2><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">step</th><th "
      "scope=\"col\">reached</th><th scope=\"col\">refused</th><th scope=\"col\" class=\"n\">process images</th><th "
      "scope=\"col\" class=\"n\">findings</th></tr></thead><tbody>";
  std::size_t shown = 0;
  for (const StepReport& step : report.steps) {
    if (!IsWorthTelling(step)) continue;
    if (++shown <= kMaxRows) out += Row(step);
  }
  return out + "</tbody></table></div>" + More(shown, kMaxRows, "step") + "</section>";
}

}  // namespace weir::report::html
