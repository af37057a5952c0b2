// SPDX-License-Identifier: Apache-2.0
// SARIF 2.1.0 (OASIS, 27 March 2020), as GitHub code scanning reads it.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "collector/report/build.h"
#include "collector/report/digest.h"
#include "collector/report/escape.h"
#include "collector/report/render.h"
#include "collector/report/steps.h"
#include "collector/report/words.h"

namespace weir::report {
namespace {

using Json = nlohmann::ordered_json;

// GitHub shows the first 5,000 results of a run and refuses files with more than 25,000.
constexpr std::size_t kMaxResults = 5000;
constexpr std::size_t kMaxMessageColumns = 800;
constexpr char kNotProven[] = "weir/not-proven";

/// Plain text in which SARIF makes no links of brackets (3.11.6).
std::string Message(std::string_view text) {
  std::string out;
  for (const char c : Shorten(ForTerminal(text), kMaxMessageColumns)) {
    if (c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

Json Text(std::string_view text) { return {{"text", Message(text)}}; }

Json Rule(const std::string& id, const std::string& clause, const char* level) {
  return {
      {"id", id},
      {"name", id},
      {"shortDescription", Text(clause)},
      {"fullDescription", Text("Weir refused or would have refused egress of a job: " + clause + ".")},
      {"help", Text("Look at the process that tried it. When the job needs the destination, add it to the policy file; "
                    "otherwise treat the run as compromised.")},
      {"defaultConfiguration", {{"level", level}}},
      {"properties", {{"tags", Json::array({"security", "egress"})}, {"security-severity", "7.5"}}}};
}

/// Rules in order of first use; results name them by index.
class Rules {
 public:
  std::size_t Index(const std::string& id, const std::string& clause, const char* level) {
    const auto [at, inserted] = by_id_.emplace(id, rules_.size());
    if (inserted) rules_.push_back(Rule(id, clause, level));
    return at->second;
  }
  Json Take() { return std::move(rules_); }

 private:
  std::map<std::string, std::size_t> by_id_;
  Json rules_ = Json::array();
};

Json Locations(std::string_view policy_path) {
  return Json::array({{{"physicalLocation",
                        {{"artifactLocation", {{"uri", ForJson(policy_path)}, {"uriBaseId", "%SRCROOT%"}}},
                         {"region", {{"startLine", 1}}}}}}});
}

/// The same leak in the next run is the same alert: nothing in here changes from run to run (no pid, no time, and no
/// address where there is a name).
std::string Fingerprint(const JobReport& report, const Contact& contact) {
  const store::Flow& flow = contact.stored.flow;
  std::string key = report.job.begin.name;
  for (const std::string_view part :
       {std::string_view(flow.key.why), std::string_view(contact.executable), std::string_view(flow.name),
        flow.name.empty() ? std::string_view(flow.key.address) : std::string_view(),
        std::string_view(contact.stored.query_type), std::string_view(flow.key.protocol),
        std::string_view(flow.socket_kind)}) {
    key += '\0';
    key += part;
  }
  return Sha256Hex(key + '\0' + std::to_string(flow.key.port));
}

std::string Sentence(const JobReport& report, const Contact& contact) {
  const store::Flow& flow = contact.stored.flow;
  const std::string process =
      contact.arguments.empty() ? contact.executable : CommandLine(std::span(contact.arguments));
  std::string text = contact.verdict() == store::Verdict::kDeny ? "Denied: " : "Would be denied in block mode: ";
  text += ContactTitle(contact);
  if (!flow.key.address.empty()) text += " (" + flow.key.address + ")";
  text += ", " + WhyClause(flow.key.why) + ". Job " + report.job.begin.name + ", process " + process +
          InStep(contact.stored.step);
  std::string ancestry;
  for (const std::string& ancestor : contact.ancestry) ancestry += (ancestry.empty() ? "" : " > ") + ancestor;
  if (!ancestry.empty()) text += ", started by " + ancestry;
  return text + ".";
}

void AddContacts(const JobReport& report, const Json& locations, Rules& rules, Json& results) {
  std::set<std::string> seen;
  for (const Contact& contact : report.refused) {
    if (results.size() >= kMaxResults) return;
    std::string fingerprint = Fingerprint(report, contact);
    if (!seen.insert(fingerprint).second) continue;
    const std::string& why = contact.stored.flow.key.why;
    const std::string id = "weir/" + ForJson(why.empty() ? "refused" : why);
    const char* level = contact.verdict() == store::Verdict::kDeny ? "error" : "warning";
    results.push_back({{"ruleId", id},
                       {"ruleIndex", rules.Index(id, WhyClause(why), "error")},
                       {"level", level},
                       {"message", Text(Sentence(report, contact))},
                       {"locations", locations},
                       {"partialFingerprints", {{"weirContact/v1", std::move(fingerprint)}}}});
  }
}

bool IsProven(const JobReport& report) { return report.summary.watch == Watch::kWatched && report.summary.complete; }

/// An empty list of results must not look like a clean job when nobody watched.
void AddNotProven(const JobReport& report, const Json& locations, Rules& rules, Json& results) {
  if (IsProven(report)) return;
  const std::string text =
      std::string(Stamp(report.summary)) + ": job " + report.job.begin.name + ". " + Headline(report);
  results.push_back({{"ruleId", kNotProven},
                     {"ruleIndex", rules.Index(kNotProven, "the job was not watched, or not completely", "error")},
                     {"level", "error"},
                     {"message", Text(text)},
                     {"locations", locations},
                     {"partialFingerprints",
                      {{"weirJob/v1", Sha256Hex(report.job.begin.name + std::string(1, '\0') + kNotProven)}}}});
}

Json Invocation(const JobReport& report) {
  Json notifications = Json::array();
  for (std::size_t i = 0; i < std::min<std::size_t>(report.summary.reasons.size(), 100); ++i) {
    notifications.push_back({{"level", "error"}, {"message", Text(report.summary.reasons[i])}});
  }
  return {{"executionSuccessful", IsProven(report)}, {"toolExecutionNotifications", std::move(notifications)}};
}

}  // namespace

std::string RenderSarif(const JobReport& report, std::string_view policy_path) {
  const Json locations = Locations(policy_path);
  Rules rules;
  Json results = Json::array();
  AddNotProven(report, locations, rules, results);
  AddContacts(report, locations, rules, results);
  const std::string version = report.job.begin.sensor_version;
  Json driver = {{"name", "Weir"}, {"rules", rules.Take()}};
  if (!version.empty()) driver["version"] = ForJson(version);
  const Json run = {{"tool", {{"driver", std::move(driver)}}},
                    {"automationDetails", {{"id", "weir/" + ForJson(report.job.begin.name) + "/"}}},
                    {"columnKind", "utf16CodeUnits"},
                    {"invocations", Json::array({Invocation(report)})},
                    {"results", std::move(results)}};
  const Json document = {
      {"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", Json::array({run})}};
  constexpr int kIndent = 1;
  return JsonDocument(document.dump(kIndent, ' ', /*ensure_ascii=*/true)) + "\n";
}

}  // namespace weir::report
