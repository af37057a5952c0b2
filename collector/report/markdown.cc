// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "collector/report/escape.h"
#include "collector/report/refused.h"
#include "collector/report/render.h"
#include "collector/report/steps.h"
#include "collector/report/words.h"

namespace weir::report {
namespace {

// A job summary may hold 1 MiB, a comment 65,536 characters; the rest is in JSON and HTML.
constexpr std::size_t kMaxRefused = 50;
constexpr std::size_t kMaxDestinations = 50;
constexpr std::size_t kMaxFindings = 20;
constexpr std::size_t kMaxSteps = 30;
constexpr std::size_t kMaxReasons = 20;
constexpr std::size_t kMaxSuggestion = 30;
constexpr std::size_t kMaxReasonColumns = 300;
constexpr std::size_t kMaxCellColumns = 120;

std::string Cell(std::string_view text, std::size_t columns = kMaxCellColumns) {
  return ForMarkdownCell(text, columns);
}

std::string Cells(const std::vector<std::string>& items, std::size_t most = 4) {
  std::string out;
  for (std::size_t i = 0; i < std::min(items.size(), most); ++i) out += (i ? ", " : "") + Cell(items[i], 60);
  if (items.size() > most) out += " and " + Grouped(items.size() - most) + " more";
  return out;
}

void AddMore(std::string& out, std::size_t all, std::size_t shown, std::string_view noun) {
  if (all > shown) out += "\nand " + Plural(all - shown, "more " + std::string(noun)) + " (all in the JSON report)\n";
}

void AddSummary(const JobReport& report, std::string& out) {
  const Summary& summary = report.summary;
  out += "**" + std::string(Stamp(summary)) + "** " + Headline(report) + "\n\n";
  const store::StoredJob& job = report.job;
  out += "Job " + ForMarkdown(job.begin.name.empty() ? job.job_id : job.begin.name);
  out += ", mode " + std::string(ModeWord(job.begin.mode));
  if (!job.begin.host.empty()) out += ", host " + ForMarkdown(job.begin.host);
  out += ", began " + Time(job.begin_ns);
  if (job.end_ns != 0) {
    if (job.begin_ns != 0) out += ", took " + Duration(job.end_ns - job.begin_ns);
    if (job.end.exit_status >= 0) out += ", exit status " + std::to_string(job.end.exit_status);
  }
  out += ".\n\n";
  out += "| denied | would be denied | allowed | processes | destinations |\n|---:|---:|---:|---:|---:|\n";
  out += "| " + CountText(summary, summary.counts.denied) + " | " + CountText(summary, summary.counts.would_deny) +
         " | " + CountText(summary, summary.counts.allowed) + " | " + Grouped(report.processes.size()) + " | " +
         Grouped(report.destinations.size()) + " |\n";
}

void AddReasons(const JobReport& report, std::string& out) {
  const auto& reasons = report.summary.reasons;
  if (reasons.empty()) return;
  out += report.summary.watch == Watch::kWatched ? "\n### What is missing\n\n" : "\n### Why this proves nothing\n\n";
  for (std::size_t i = 0; i < std::min(reasons.size(), kMaxReasons); ++i)
    out += "- " + ForMarkdown(reasons[i], kMaxReasonColumns) + "\n";
  AddMore(out, reasons.size(), kMaxReasons, "reason");
}

std::string StepCell(const store::Step& step) {
  return step.number == 0 ? "" : ", step " + Cell(StepText(step.number, step.name));
}

/// The first few of a list; its length stands before it.
std::string FirstCells(const std::vector<std::string>& items, std::size_t all) {
  constexpr std::size_t kFirst = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(items.size(), kFirst); ++i) out += (i ? ", " : ": ") + Cell(items[i], 60);
  return out + (all > kFirst ? ", …" : "");
}

void AddSteps(const JobReport& report, std::string& out) {
  if (report.steps.empty()) return;
  out += "\n### Steps\n\n| step | what ran | reached | refused |\n|---|---|---|---|\n";
  std::size_t shown = 0;
  for (const StepReport& step : report.steps) {
    if (!IsWorthTelling(step) || ++shown > kMaxSteps) continue;
    const store::Step& of = step.stored.step;
    out += "| " + Cell(StepText(of.number, of.name)) + " | " + Cell(WhatRan(step)) + " | ";
    if (step.destinations != 0)
      out += Plural(step.destinations, "destination") + FirstCells(step.reached, step.destinations);
    out += " | ";
    if (step.denied != 0) out += "**" + Grouped(step.denied) + " denied**";
    if (step.denied != 0 && step.would_deny != 0) out += ", ";
    if (step.would_deny != 0) out += Grouped(step.would_deny) + " would be denied";
    out += FirstCells(step.refused, step.denied + step.would_deny) + " |\n";
  }
  AddMore(out, shown, kMaxSteps, "step");
}

void AddRefused(const JobReport& report, std::string& out) {
  const auto attempts = Attempts(report);
  if (attempts.empty()) return;
  const bool any_denied = report.refused.front().verdict() == store::Verdict::kDeny;
  out += std::string("\n### ") + (any_denied ? "Refused" : "Would be refused in block mode") +
         "\n\n| | what | process | ancestry | address | why | times |\n|---|---|---|---|---|---|---:|\n";
  std::size_t shown = 0;
  for (std::size_t i = 0; i < std::min(attempts.size(), kMaxRefused); ++i) {
    const Attempt& attempt = attempts[i];
    const Contact& contact = *attempt.first;
    const store::Flow& flow = contact.stored.flow;
    const std::string process =
        contact.arguments.empty() ? contact.executable : CommandLine(std::span(contact.arguments));
    // Whole paths: this table is what stays of a job in its summary.
    std::string ancestry;
    for (const std::string& ancestor : contact.ancestry) ancestry += (ancestry.empty() ? "" : " > ") + ancestor;
    const bool denied = contact.verdict() == store::Verdict::kDeny;
    out += std::string("| ") + (denied ? "**denied**" : "would be denied") + " | " + Cell(attempt.title) + " | " +
           Cell(process) + " (pid " + std::to_string(flow.pid) + StepCell(contact.stored.step) + ") | " +
           Cell(ancestry) + " | " + Cells(attempt.members > 1 ? attempt.examples : attempt.addresses) + " | " +
           Cell(flow.key.why) + ": " + Cell(WhyClause(flow.key.why)) +
           (flow.rule.empty() ? "" : " (rule " + Cell(flow.rule) + ")") + " | " + Grouped(attempt.times) + " |\n";
    shown += attempt.contacts;
  }
  AddMore(out, report.refused.size(), shown, "refused contact");
}

void AddDestinations(const JobReport& report, std::string& out) {
  if (report.destinations.empty()) return;
  out +=
      "\n### Allowed destinations\n\n| destination | sent | received | contacts | processes | rule |\n"
      "|---|---:|---:|---:|---|---|\n";
  for (std::size_t i = 0; i < std::min(report.destinations.size(), kMaxDestinations); ++i) {
    const Destination& to = report.destinations[i];
    std::string host = to.name.empty() ? (to.addresses.empty() ? "?" : to.addresses.front()) : to.name;
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    out += "| " + Cell(host + ":" + std::to_string(to.port) + "/" + to.protocol) + " | " + Bytes(to.totals.bytes_out) +
           " | " + Bytes(to.totals.bytes_in) + " | " + Grouped(to.totals.count) + " | " + Cells(to.processes) + " | " +
           Cells(to.rules) + " |\n";
  }
  AddMore(out, report.destinations.size(), kMaxDestinations, "destination");
}

void AddFindings(const JobReport& report, std::string& out) {
  if (report.findings.empty()) return;
  out += "\n### Findings\n\n| finding | detail | process |\n|---|---|---|\n";
  for (std::size_t i = 0; i < std::min(report.findings.size(), kMaxFindings); ++i) {
    const store::Finding& finding = report.findings[i].finding;
    out += "| " + Cell(finding.kind) + " | " + Cell(finding.detail) + " | " + Cell(finding.comm) + " (pid " +
           std::to_string(finding.pid) + StepCell(report.findings[i].step) + ") |\n";
  }
  AddMore(out, report.findings.size(), kMaxFindings, "finding");
}

/// Only where the host gives less than the policy asks for: one line, because it is the host's and not this job's
/// doing.
void AddGuard(const JobReport& report, std::string& out) {
  if (!report.record) return;
  std::string weaker;
  std::size_t classes = 0;
  for (const RecordGuard& known : report.record->guard) {
    if (!known.Weaker()) continue;
    ++classes;
    weaker += "| " + Cell(known.name) + " | " + Cell(known.state) + " | " + Cell(known.why) + " |\n";
  }
  if (classes == 0) return;
  out += "\n<details><summary>Guard: this host gives less than the policy asks for in " + std::to_string(classes) +
         " of " + std::to_string(report.record->guard.size()) +
         " classes</summary>\n\n| class | state | why |\n|---|---|---|\n" + weaker + "\n</details>\n";
}

void AddSuggestion(const JobReport& report, std::string& out) {
  const auto& entries = report.suggestion;
  if (entries.empty()) return;
  out +=
      "\n### If these are wanted\n\nWhat was refused would be allowed by these entries of `allow:`. Add only what the "
      "job needs.\n\n";
  for (std::size_t i = 0; i < std::min(entries.size(), kMaxSuggestion); ++i) {
    out += "- " + ForMarkdown(entries[i]) + "\n";
  }
  AddMore(out, entries.size(), kMaxSuggestion, "suggestion");
}

}  // namespace

std::string RenderMarkdown(const JobReport& report) {
  std::string out = "## Weir: ";
  out += std::string(Stamp(report.summary)) + "\n\n";
  AddSummary(report, out);
  AddReasons(report, out);
  AddSteps(report, out);
  AddRefused(report, out);
  AddDestinations(report, out);
  AddFindings(report, out);
  AddGuard(report, out);
  AddSuggestion(report, out);
  return out;
}

}  // namespace weir::report
