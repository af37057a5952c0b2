// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>

#include "collector/report/digest.h"
#include "collector/report/escape.h"
#include "collector/report/html_parts.h"
#include "collector/report/refused.h"
#include "collector/report/render.h"
#include "collector/report/steps.h"
#include "collector/report/words.h"

namespace weir::report {
namespace html {

std::string Code(std::string_view text, std::size_t columns) {
  const std::string shown = ForHtml(text, columns);
  const std::string whole = ForHtml(text, 2000);
  return "<code" + (shown == whole ? "" : " title=\"" + whole + "\"") + ">" + shown + "</code>";
}

std::string List(const std::vector<std::string>& items, std::size_t most, bool paths) {
  std::string out;
  for (std::size_t i = 0; i < std::min(items.size(), most); ++i) {
    out += (i ? ", " : "") + Code(paths ? BaseName(items[i]) : std::string_view(items[i]), 60);
  }
  if (items.size() > most) out += " and " + Grouped(items.size() - most) + " more";
  return out;
}

std::string More(std::size_t all, std::size_t shown, const char* noun) {
  if (all <= shown) return "";
  return "<p class=\"more\">and " + Plural(all - shown, std::string("more ") + noun) + ", all in the JSON report</p>";
}

namespace {

constexpr std::size_t kMaxDestinations = 500;
constexpr std::size_t kMaxFindings = 200;
constexpr std::size_t kMaxReasons = 50;
constexpr std::size_t kMaxListed = 4;
constexpr std::size_t kMaxPolicyColumns = 200000;

std::string Card(const char* tone, const char* name, const std::string& value) {
  return std::string("<div class=\"") + tone + "\"><dt>" + name + "</dt><dd>" + value + "</dd></div>";
}

/// A wave against a weir; drawn, because nothing may be loaded.
constexpr std::string_view kMark =
    "<svg class=\"mark\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><path d=\"M2 9q3-4 6 0t6 0M2 15q3-4 6 0t6 0\"/>"
    "<path class=\"dam\" d=\"M18 4v16\"/></svg>";

/// Colour and sign of the stamp; the words say it too.
std::pair<const char*, const char*> Tone(const Summary& summary) {
  if (summary.watch != Watch::kWatched || summary.counts.denied != 0) return {"bad", "✕"};
  if (!summary.complete || summary.counts.would_deny != 0) return {"warn", "!"};
  return {"good", "✓"};
}

std::string JobTitle(const store::StoredJob& job) { return job.begin.name.empty() ? job.job_id : job.begin.name; }

std::string Header(const JobReport& report) {
  const store::StoredJob& job = report.job;
  const auto [tone, sign] = Tone(report.summary);
  std::string out = "<header><div class=\"hero " + std::string(tone) + "\"><p class=\"brand\">" + std::string(kMark) +
                    "Weir job report</p><p class=\"stamp\"><span aria-hidden=\"true\">" + sign + "</span>" +
                    std::string(Stamp(report.summary)) + "</p><h1>" + Code(JobTitle(job), 120) +
                    "</h1><p class=\"lead\">" + ForHtml(Headline(report)) + "</p>" + Culprits(report) +
                    "</div><p class=\"facts\">mode <strong>" + std::string(ModeWord(job.begin.mode)) + "</strong>";
  if (!job.begin.host.empty()) out += " · host " + Code(job.begin.host, 80);
  out += " · job id " + Code(job.job_id, 80) + " · began " + Time(job.begin_ns);
  if (job.end_ns != 0 && job.begin_ns != 0) out += " · took " + Duration(job.end_ns - job.begin_ns);
  if (job.end_ns != 0 && job.end.exit_status >= 0) out += " · exit status " + std::to_string(job.end.exit_status);
  out += "</p>";
  if (!job.begin.command.empty())
    out += "<p class=\"facts\">" + Code(CommandLine(std::span(job.begin.command)), 300) + "</p>";
  const VerdictCounts& counts = report.summary.counts;
  const auto card = [&](const char* when_some, const char* name, std::uint64_t number) {
    return Card(number != 0 ? when_some : "", name, CountText(report.summary, number));
  };
  out += "<dl class=\"cards\">" + card("bad", "denied", counts.denied) +
         card("warn", "would be denied", counts.would_deny) + card("", "allowed", counts.allowed) +
         Card("", "destinations", Grouped(report.destinations.size())) +
         Card("", "process images", Grouped(report.processes.size())) + "</dl></header>";
  return out;
}

std::string Reasons(const JobReport& report) {
  const auto& reasons = report.summary.reasons;
  if (reasons.empty()) return "";
  const bool watched = report.summary.watch == Watch::kWatched;
  std::string out = std::string("<section class=\"callout") + (watched ? "" : " bad") + "\"><h2>" +
                    (watched ? "What is missing" : "Why this proves nothing") + "</h2><ul>";
  for (std::size_t i = 0; i < std::min(reasons.size(), kMaxReasons); ++i)
    out += "<li>" + ForHtml(reasons[i], 500) + "</li>";
  return out + "</ul>" + More(reasons.size(), kMaxReasons, "reason") + "</section>";
}

std::string DestinationRow(const Destination& to) {
  std::string host = to.name.empty() ? (to.addresses.empty() ? "?" : to.addresses.front()) : to.name;
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  std::string out = "<tr><td class=\"what\">" + Code(host + ":" + std::to_string(to.port) + "/" + to.protocol, 120);
  if (!to.name.empty()) out += "<span class=\"sub\">" + List(to.addresses, kMaxListed, false) + "</span>";
  return out + "</td><td class=\"n\">" + Bytes(to.totals.bytes_out) + "</td><td class=\"n\">" +
         Bytes(to.totals.bytes_in) + "</td><td class=\"n\">" + Grouped(to.totals.count) + "</td><td class=\"why\">" +
         List(to.processes, kMaxListed, true) + "</td><td class=\"why\">" + List(to.rules, kMaxListed, false) +
         "</td></tr>";
}

std::string Destinations(const JobReport& report) {
  if (report.destinations.empty()) return "";
  std::string out =
      "<section><h2>Allowed destinations</h2><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th "
      "scope=\"col\">destination</th><th scope=\"col\" class=\"n\">sent</th><th scope=\"col\" class=\"n\">"
      "received</th><th scope=\"col\" class=\"n\">contacts</th><th scope=\"col\">programs</th><th "
      "scope=\"col\">rule</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < std::min(report.destinations.size(), kMaxDestinations); ++i) {
    out += DestinationRow(report.destinations[i]);
  }
  return out + "</tbody></table></div>" + More(report.destinations.size(), kMaxDestinations, "destination") +
         "</section>";
}

std::string Findings(const JobReport& report) {
  if (report.findings.empty()) return "";
  std::string out =
      "<section><h2>Findings</h2><div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">"
      "finding</th><th scope=\"col\">detail</th><th scope=\"col\">process</th></tr></thead><tbody>";
  for (std::size_t i = 0; i < std::min(report.findings.size(), kMaxFindings); ++i) {
    const store::Finding& finding = report.findings[i].finding;
    out += "<tr><td>" + Code(finding.kind) + "</td><td>" + ForHtml(finding.detail, 500) + "</td><td>" +
           Code(finding.comm) + " <span class=\"meta\">pid " + std::to_string(finding.pid) +
           ForHtml(InStep(report.findings[i].step), 100) + "</span></td></tr>";
  }
  return out + "</tbody></table></div>" + More(report.findings.size(), kMaxFindings, "finding") + "</section>";
}

std::string Suggestion(const JobReport& report) {
  if (report.suggestion.empty()) return "";
  std::string out =
      "<details class=\"card\"><summary>Entries that would allow what was refused</summary><p>Add only what the "
      "job needs.</p><pre><code>";
  for (const std::string& entry : report.suggestion) out += "- " + ForHtml(entry) + "\n";
  return out + "</code></pre></details>";
}

std::string PolicyText(const JobReport& report) {
  const std::string& text = report.job.begin.policy_text;
  if (text.empty()) return "";
  std::string out = "<details class=\"card\"><summary>Policy <span class=\"meta\">" +
                    ForHtml(report.job.begin.policy_digest, 80) + "</span></summary><pre><code>";
  std::size_t columns = kMaxPolicyColumns;
  for (std::size_t at = 0; at < text.size() && columns > 0;) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    out += ForHtml(line, columns) + "\n";
    columns -= std::min(columns, line.size() + 1);
    at = end + 1;
  }
  return out + "</code></pre></details>";
}

std::string RecordFacts(const JobReport& report) {
  if (!report.record) return "";
  const Record& record = *report.record;
  std::string out =
      "<details class=\"card\"><summary>Enforcement record</summary><div class=\"scroll\" tabindex=\"0\"><table>"
      "<tbody>";
  const auto row = [&](const char* name, const std::string& value) {
    if (!value.empty()) out += std::string("<tr><th scope=\"row\">") + name + "</th><td>" + value + "</td></tr>";
  };
  row("sensor", Code(record.sensor_version) + " on kernel " + Code(record.kernel));
  std::string canaries;
  for (const RecordCanary& canary : record.canaries) {
    canaries += ForHtml(canary.at, 40) + ": " + (canary.proven ? "proven, " : "✕ not proven, ") +
                ForHtml(canary.verdict, 40) + (canary.reason.empty() ? "" : ", " + ForHtml(canary.reason, 200)) +
                "<br>";
  }
  row("canaries", canaries);
  row("events", record.event_digest.empty() ? "" : Code(record.event_digest));
  std::string programs;
  for (const RecordProgram& program : record.programs) {
    programs += Code(program.name, 40) + " " + Code(program.tag, 40) + " at " + Code(program.attach, 60) +
                (program.attached ? "" : " <strong>✕ not attached any more</strong>") + "<br>";
  }
  row("programs", programs);
  std::string guard;
  for (const RecordGuard& known : record.guard) {
    if (!known.Weaker()) continue;
    guard += Code(known.name, 40) + " " + ForHtml(known.state, 20) + ": " + ForHtml(known.why, 300) + "<br>";
  }
  row("guard, weaker than the policy asks for", guard);
  return out + "</tbody></table></div></details>";
}

}  // namespace
}  // namespace html

std::string RenderHtml(const JobReport& report) {
  const std::string style(html::Style());
  // Nothing may be loaded or run; the one style sheet is named by its hash, so injected markup could not even be
  // styled.
  std::string out =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'sha256-" +
      Sha256Base64(style) +
      "'; base-uri 'none'; form-action 'none'\"><meta name=\"referrer\" content=\"no-referrer\"><meta "
      "name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>" +
      std::string(Stamp(report.summary)) + ": " + ForHtml(html::JobTitle(report.job), 80) + " (Weir)</title><style>" +
      style + "</style></head><body><main>\n";
  out += html::Header(report) + "\n" + html::Reasons(report) + "\n";
  if (const std::string picture = html::Picture(report); !picture.empty()) {
    out += "<section><h2>Where it went</h2>" + picture + "</section>\n";
  }
  out += html::Steps(report) + "\n" + html::Refused(report) + "\n" + html::Suggestion(report) + "\n" +
         html::Destinations(report) + "\n" + html::Findings(report) + "\n";
  if (!report.processes.empty()) out += "<section><h2>Processes</h2>" + html::ProcessTree(report) + "</section>\n";
  out += "<section><h2>Evidence</h2>" + html::PolicyText(report) + html::RecordFacts(report);
  out +=
      "<p class=\"more\">The JSON report of this job holds every row.</p></section><footer>Written by Weir. Text that "
      "a "
      "job chose is shown with control characters as \\xNN and \\u{N}.</footer></main></body></html>\n";
  return out;
}

}  // namespace weir::report
