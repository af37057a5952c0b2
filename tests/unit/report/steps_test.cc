// SPDX-License-Identifier: Apache-2.0
// What a report says about the steps of a workflow.
#include "collector/report/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "collector/report/build.h"
#include "collector/report/refused.h"
#include "collector/report/render.h"
#include "tests/unit/report/evidence.h"

namespace weir::report {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

/// A runner's job: a checkout, a build that fetches, and a script that leaks; the Worker's own traffic is of no step.
store::JobEvidence RunnerJob() {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 3));
  AddProcess(job, 1, 0, "/r/bin/Runner.Worker", {"Runner.Worker", "spawnclient"});
  AddProcess(job, 2, 1, "/usr/bin/node", {"node", "dist/index.js"});
  AddProcess(job, 3, 2, "/usr/bin/git", {"git", "fetch"});
  AddProcess(job, 4, 1, "/usr/bin/bash", {"bash", "-e", "build.sh"});
  AddProcess(job, 5, 1, "/usr/bin/bash", {"bash", "-e", "leak.sh"});
  const store::Step steps[] = {{0, ""}, {1, "__actions_checkout"}, {1, "__actions_checkout"}, {2, "__run"}, {3, ""}};
  for (std::size_t i = 0; i < 5; ++i) job.processes.processes[i].step = steps[i];
  AddFlow(job, 1, "log.example.org", "198.51.100.1", store::Verdict::kAllow, "name", 10);
  AddFlow(job, 3, "git.example.org", "198.51.100.2", store::Verdict::kAllow, "name", 100).step = steps[1];
  AddFlow(job, 3, "git.example.org", "198.51.100.3", store::Verdict::kAllow, "name", 50).step = steps[1];
  for (int i = 0; i < 20; ++i) {
    AddFlow(job, 4, "m" + std::to_string(i) + ".example.org", "198.51.100.9", store::Verdict::kAllow, "name", 1).step =
        steps[3];
  }
  store::StoredFlow& lookup = AddFlow(job, 4, "a.example.org", "192.0.2.53", store::Verdict::kAllow, "dns-name");
  lookup.flow.key.hook = store::Hook::kDns;
  lookup.step = steps[3];
  AddFlow(job, 4, "", "203.0.113.5", store::Verdict::kWouldDeny, "no-rule").step = steps[3];
  AddFlow(job, 5, "evil.example.net", "203.0.113.6", store::Verdict::kDeny, "no-rule").step = steps[4];
  job.findings.push_back({{"listener", "x", 5, 4005, "bash"}, kBegin, steps[4]});
  job.steps = {{steps[1], "actions/checkout", "v4", kBegin + 2 * kMs}, {steps[3], "", "", kBegin + 4 * kMs}};
  return job;
}

TEST(Steps, TellWhatEachReachedAndWasRefused) {
  const JobReport report = BuildReport(RunnerJob());
  ASSERT_EQ(report.steps.size(), 4U);
  const StepReport& worker = report.steps[0];
  EXPECT_EQ(worker.stored.step.number, 0U);
  EXPECT_THAT(worker.reached, ElementsAre("log.example.org:443/tcp"));
  const StepReport& checkout = report.steps[1];
  EXPECT_EQ(checkout.stored.step.name, "__actions_checkout");
  EXPECT_EQ(WhatRan(checkout), "actions/checkout@v4");
  EXPECT_THAT(checkout.reached, ElementsAre("git.example.org:443/tcp"));
  EXPECT_EQ(checkout.destinations, 1U);
  EXPECT_EQ(checkout.bytes_out, 150U);
  EXPECT_EQ(checkout.processes, 2U);
  EXPECT_EQ(checkout.denied, 0U);
  const StepReport& build = report.steps[2];
  EXPECT_EQ(WhatRan(build), "bash -e build.sh");
  EXPECT_EQ(build.destinations, 20U) << "a lookup reaches nothing";
  EXPECT_EQ(build.reached.size(), 16U);
  EXPECT_EQ(build.would_deny, 1U);
  EXPECT_THAT(build.refused, ElementsAre("203.0.113.5:443/tcp"));
  const StepReport& leak = report.steps[3];
  EXPECT_EQ(leak.stored.step, (store::Step{3, ""}));
  EXPECT_EQ(leak.denied, 1U);
  EXPECT_EQ(leak.findings, 1U);
  EXPECT_EQ(leak.destinations, 0U);
}

TEST(Steps, AreInEveryFormat) {
  const JobReport report = BuildReport(RunnerJob());
  const std::string markdown = RenderMarkdown(report);
  for (const char* piece :
       {"### Steps\n",
        "| `1 __actions_checkout` | `actions/checkout@v4` | 1 destination: `git.example.org:443/tcp` |  |",
        "| `2 __run` | `bash -e build.sh` | 20 destinations: ", "`m3.example.org:443/tcp`, … | 1 would be denied: ",
        "| `3` | `bash -e leak.sh` |  | **1 denied**: `evil.example.net:443/tcp` |", "(pid 4005, step `3`)"}) {
    EXPECT_THAT(markdown, HasSubstr(piece));
  }
  const std::string html = RenderHtml(report);
  EXPECT_THAT(html, HasSubstr("<h2>Steps</h2>"));
  EXPECT_THAT(html, HasSubstr("<code>2 __run</code><span class=\"sub\"><code>bash -e build.sh</code>"));
  EXPECT_THAT(html, HasSubstr("✕ 1 denied</span>"));
  EXPECT_THAT(html, HasSubstr("<span class=\"tag plain\">step <code>1 __actions_checkout</code></span>"));
  const json document = json::parse(RenderJson(report));
  ASSERT_EQ(document["steps"].size(), 4U);
  EXPECT_EQ(document["steps"][1]["step"], 1);
  EXPECT_EQ(document["steps"][1]["step_name"], "__actions_checkout");
  EXPECT_EQ(document["steps"][1]["action_repository"], "actions/checkout");
  EXPECT_EQ(document["steps"][1]["action_ref"], "v4");
  EXPECT_EQ(document["steps"][3]["refused"], json({"evil.example.net:443/tcp"}));
  EXPECT_EQ(document["refused"][0]["step"], 3);
  EXPECT_EQ(document["refused"][1]["step_name"], "__run");
  EXPECT_EQ(document["processes"][0]["step"], 0);
  EXPECT_EQ(document["processes"][2]["step_name"], "__actions_checkout");
  EXPECT_EQ(document["findings"][0]["step"], 3);
  EXPECT_THAT(json::parse(RenderSarif(report, "p"))["runs"][0]["results"][0]["message"]["text"].get<std::string>(),
              HasSubstr("process bash -e leak.sh, step 3"));
}

// The step begins where the processes of another end; below, saying it again would only take room.
TEST(Steps, AreNamedOnceInTheTree) {
  const std::string html = RenderHtml(BuildReport(RunnerJob()));
  const std::string tag = "step <code>1 __actions_checkout</code></span>";
  const std::size_t first = html.find(tag);
  ASSERT_NE(first, html.npos);
  EXPECT_EQ(html.find(tag, first + 1), html.npos);
}

TEST(Steps, OfAJobWithoutARunnerAreNowhere) {
  const JobReport report = BuildReport(PoisonedBuild());
  EXPECT_TRUE(report.steps.empty());
  EXPECT_THAT(RenderMarkdown(report), Not(HasSubstr("### Steps")));
  EXPECT_THAT(RenderMarkdown(report), Not(HasSubstr(", step")));
  EXPECT_THAT(RenderHtml(report), Not(HasSubstr("<h2>Steps</h2>")));
  EXPECT_EQ(json::parse(RenderJson(report))["steps"], json::array());
}

// Until they execute something, steps share the Worker's image.
TEST(Steps, DoNotShareAnAttempt) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 2));
  AddProcess(job, 1, 0, "/r/bin/Runner.Worker", {"Runner.Worker"});
  for (std::uint32_t step : {1u, 2u}) {
    for (int i = 0; i < 6; ++i) {
      AddFlow(job, 1, "", "198.18.0." + std::to_string(i), store::Verdict::kDeny, "no-rule").step = {step, ""};
    }
  }
  const JobReport report = BuildReport(std::move(job));
  EXPECT_EQ(Attempts(report).size(), 2U);
  ASSERT_EQ(report.steps.size(), 3U);
  EXPECT_EQ(report.steps[1].denied, 6U);
  EXPECT_EQ(report.steps[2].denied, 6U);
  EXPECT_FALSE(IsWorthTelling(report.steps[0]));
}

TEST(Steps, OfAnEndlessWorkflowAreBoundedAndCounted) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  for (std::uint64_t i = 1; i <= 2000; ++i) {
    AddProcess(job, i, 0, "/bin/sh", {"sh", std::string(300, 'x')});
    job.processes.processes.back().step = {static_cast<std::uint32_t>(i), std::string(250, 'n')};
  }
  const JobReport report = BuildReport(std::move(job));
  EXPECT_LT(RenderMarkdown(report).size(), 65536U);
  EXPECT_THAT(RenderMarkdown(report), HasSubstr("and 1,970 more steps (all in the JSON report)"));
  EXPECT_THAT(RenderHtml(report), HasSubstr("and 1,500 more steps"));
}

}  // namespace
}  // namespace weir::report
