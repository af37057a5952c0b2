// SPDX-License-Identifier: Apache-2.0
#include "collector/store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <limits>
#include <thread>

#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

TEST_F(StoreTest, StoresEventsOnceHoweverOftenTheyCome) {
  EXPECT_EQ(Append(ThreeEvents()), (Appended{3, 3, 0, 0}));
  EXPECT_EQ(Append(ThreeEvents()), (Appended{3, 0, 3, 0}));
  const JobEvidence job = Load("j");
  ASSERT_EQ(job.processes.processes.size(), 1U);
  EXPECT_EQ(job.processes.processes[0].forks, 1U);
  EXPECT_EQ(job.counts.allowed, 1U);
}

TEST_F(StoreTest, StoresTheNewPartOfAResentBatch) {
  Append(ThreeEvents());
  Batch again = ThreeEvents();
  again.events.push_back(At(4, "j", FlowOf(10, "192.0.2.2")));
  EXPECT_EQ(Append(again), (Appended{4, 1, 3, 0}));
  EXPECT_EQ(Flows("j").size(), 2U);
}

TEST_F(StoreTest, KeepsEpochsApart) {
  Append(ThreeEvents());
  Batch later = ThreeEvents();
  later.epoch = 8;
  EXPECT_EQ(Append(later), (Appended{3, 3, 0, 0}));
}

TEST_F(StoreTest, ShowsAHoleAndClosesItWhenTheEventsComeLate) {
  Append(BatchOf({At(1, "j", ExecOf(10, 0, "/bin/sh"))}));
  EXPECT_EQ(Append(BatchOf({At(5, "j", FlowOf(10, "192.0.2.5"))})), (Appended{5, 1, 0, 3}));
  EXPECT_EQ(store_->SequenceGaps("runner-1").value(), (std::vector<SequenceGap>{{2, 4, 1 * kSecond, 5 * kSecond}}));
  EXPECT_EQ(Append(BatchOf({At(3, "j", FlowOf(10, "192.0.2.3"))})), (Appended{3, 1, 0, 0}));
  EXPECT_EQ(store_->SequenceGaps("runner-1").value(),
            (std::vector<SequenceGap>{{2, 2, 1 * kSecond, 5 * kSecond}, {4, 4, 1 * kSecond, 5 * kSecond}}));
  EXPECT_EQ(Append(BatchOf({At(3, "j", FlowOf(10, "192.0.2.3"))})), (Appended{3, 0, 1, 0}));
  Append(BatchOf({At(2, "j", FlowOf(10, "192.0.2.2"))}));
  Append(BatchOf({At(4, "j", FlowOf(10, "192.0.2.4"))}));
  EXPECT_TRUE(store_->SequenceGaps("runner-1").value().empty());
  EXPECT_EQ(Flows("j").size(), 4U);
}

TEST_F(StoreTest, CallsTheStartOfAnEpochThatNeverCameAHole) {
  EXPECT_EQ(Append(BatchOf({At(4, "j", FlowOf(10, "192.0.2.5"))})).missing, 3U);
  EXPECT_EQ(Load("j").sequence_gaps, (std::vector<SequenceGap>{{1, 3, 0, 4 * kSecond}}));
}

TEST_F(StoreTest, BlamesAHoleOnlyOnJobsThatRanThen) {
  Append(BatchOf({At(1, "early", JobBegin{}), At(2, "early", JobEnd{0, "{}", true}), At(3, "late", JobBegin{}),
                  At(6, "late", JobEnd{0, "{}", true})}));
  EXPECT_TRUE(Load("early").sequence_gaps.empty());
  EXPECT_EQ(Load("late").sequence_gaps.size(), 1U);
}

TEST_F(StoreTest, KeepsTheNewestSumsWhateverTheOrder) {
  const Flow flow = FlowOf(10, "192.0.2.1");
  Append(BatchOf({At(1, "j", TotalsOf(flow, 5, 500)), At(2, "j", flow), At(3, "j", TotalsOf(flow, 9, 900))}));
  Append(BatchOf({At(5, "j", TotalsOf(flow, 20, 2000))}));
  Append(BatchOf({At(4, "j", TotalsOf(flow, 12, 1200))}));
  const auto flows = Flows("j");
  ASSERT_EQ(flows.size(), 1U);
  EXPECT_EQ(flows[0].totals, (Totals{kSecond, 20 * kSecond, 20, 2000, 4000, 3, 4}));
  EXPECT_EQ(flows[0].flow, flow);
}

TEST_F(StoreTest, KeepsSumsWhenTheSensorsClockWasSetBack) {
  const Flow flow = FlowOf(10, "192.0.2.1");
  FlowTotals totals = TotalsOf(flow, 3, 30);
  totals.totals.last_ns = 1;
  Append(BatchOf({At(1, "j", flow), At(2, "j", totals)}));
  EXPECT_EQ(Flows("j")[0].totals.bytes_out, 30U);
}

TEST_F(StoreTest, GivesBackEveryFieldOfAJob) {
  JobBegin begin{
      "build", Mode::kBlock, "sha256:00", "version: 1\n", {{"repo", "org/x"}}, {"make", "a b", ""}, "/weir/j",
      3,       "host",       "6.1",       "0.1.0"};
  Append(BatchOf({At(1, "j", begin), At(9, "j", JobEnd{4, "{\"a\":1}", true})}));
  const StoredJob job = Load("j").job;
  EXPECT_EQ(job.begin, begin);
  EXPECT_EQ(job.end, (JobEnd{4, "{\"a\":1}", true}));
  EXPECT_EQ(job.sensor, "runner-1");
  EXPECT_EQ(job.begin_ns, 1 * kSecond);
  EXPECT_EQ(job.end_ns, 9 * kSecond);
}

TEST_F(StoreTest, GivesBackEveryFieldOfAProcess) {
  Exec exec = ExecOf(~0ull - 5, 1ull << 63, "/opt/\xff\nweird");
  exec.parent_pid = 7;
  exec.start_ns = 11;
  exec.uid = 4294967294;
  exec.gid = 12;
  exec.arguments = {"a", "", "\x1b[31m"};
  exec.cwd = "/tmp";
  exec.device = 13;
  exec.inode = ~0ull;
  exec.cgroup_id = 15;
  exec.arguments_full_bytes = 1 << 20;
  exec.arguments_truncated = exec.memfd = exec.entered = true;
  Append(BatchOf({At(1, "j", exec), At(2, "j", Exit{exec.exec_id, exec.pid, 256})}));
  const auto page = store_->ListProcesses("j", 10).value();
  ASSERT_EQ(page.processes.size(), 1U);
  EXPECT_EQ(page.processes[0].exec, exec);
  EXPECT_EQ(page.processes[0].exit_ns, 2 * kSecond);
  EXPECT_EQ(page.processes[0].wait_status, 256U);
}

TEST_F(StoreTest, KeepsWhatCameFirstOfAJobsBeginAndEnd) {
  JobBegin first;
  first.name = "real";
  JobBegin second;
  second.name = "forged";
  Append(BatchOf({At(1, "j", first), At(2, "j", JobEnd{0, "real", true}), At(3, "j", second),
                  At(4, "j", JobEnd{1, "forged", false})}));
  EXPECT_EQ(Load("j").job.begin.name, "real");
  EXPECT_EQ(Load("j").job.end.record, "real");
}

TEST_F(StoreTest, RefusesABatchWithAnotherSensorsJobAndStoresTheOthers) {
  Append(ThreeEvents());
  const std::vector<Batch> batches = {
      BatchOf({At(1, "other", JobBegin{}), At(2, "j", JobEnd{0, "forged", true})}, 1, "runner-2"),
      BatchOf({At(4, "j", FlowOf(10, "192.0.2.9"))})};
  const auto outcomes = store_->Append(batches).value();
  ASSERT_EQ(outcomes.size(), 2U);
  ASSERT_FALSE(outcomes[0]);
  EXPECT_EQ(outcomes[0].error().code, Code::kPrivilege);
  EXPECT_EQ(outcomes[1].value(), (Appended{4, 1, 0, 0}));
  EXPECT_EQ(Load("j").job.end.record, "");
  EXPECT_EQ(store_->LoadJob("other", {}).error().code, Code::kNotFound);
}

TEST_F(StoreTest, ListsDeniedFlowsAndLookupsFirst) {
  DnsQuery query{10, 1010, "comm", "evil.example.org", "A", "192.0.2.53", Verdict::kDeny, "dns-name", 0, "", false};
  Append(BatchOf({At(1, "j", FlowOf(10, "192.0.2.1")), At(2, "j", query), At(3, "j", query),
                  At(4, "j", FlowOf(10, "192.0.2.2", Verdict::kDeny))}));
  const auto flows = Flows("j");
  ASSERT_EQ(flows.size(), 3U);
  EXPECT_EQ(flows[0].query_type, "A");
  EXPECT_EQ(flows[0].flow.name, "evil.example.org");
  EXPECT_EQ(flows[0].flow.key.address, "192.0.2.53");
  EXPECT_EQ(flows[0].flow.key.hook, Hook::kDns);
  EXPECT_EQ(flows[0].totals.count, 2U);
  EXPECT_EQ(flows[1].flow.key.address, "192.0.2.2");
  EXPECT_EQ(flows[2].flow.key.verdict, Verdict::kAllow);
  EXPECT_EQ(store_->ListFlows({.job_id = "j", .denied_only = true})->flows.size(), 2U);
}

TEST_F(StoreTest, FindsAncestorsOfAFlowsProcess) {
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= 200; ++i) events.push_back(At(i, "j", ExecOf(i, i - 1, "/p" + std::to_string(i))));
  events.push_back(At(201, "j", FlowOf(200, "192.0.2.1")));
  Append(BatchOf(events));
  const FlowPage page = store_->ListFlows({.job_id = "j"}).value();
  EXPECT_EQ(page.images.size(), 200U);
  EXPECT_EQ(page.images.at({page.flows[0].job_ref, 200}).executable, "/p200");
}

TEST_F(StoreTest, EndsAForgedCycleOfParents) {
  Append(BatchOf({At(1, "j", ExecOf(1, 2, "/a")), At(2, "j", ExecOf(2, 1, "/b")), At(3, "j", FlowOf(1, "192.0.2.1"))}));
  EXPECT_EQ(store_->ListFlows({.job_id = "j"})->images.size(), 2U);
}

TEST_F(StoreTest, BoundsEveryListAndSaysSo) {
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    events.push_back(At(2 * i - 1, "j", ExecOf(i, 0, "/p")));
    events.push_back(At(2 * i, "j", FlowOf(i, "192.0.2.1")));
  }
  Append(BatchOf(events));
  const FlowPage flows = store_->ListFlows({.job_id = "j", .limit = 7}).value();
  EXPECT_EQ(flows.flows.size(), 7U);
  EXPECT_TRUE(flows.truncated);
  EXPECT_FALSE(store_->ListFlows({.job_id = "j", .limit = 20})->truncated);
  EXPECT_TRUE(store_->ListProcesses("j", 19)->truncated);
  EXPECT_FALSE(store_->ListProcesses("j", 20)->truncated);
}

TEST_F(StoreTest, ListsJobsNewestFirstSinceATime) {
  Append(BatchOf({At(1, "a", JobBegin{}), At(2, "b", JobBegin{}), At(3, "c", JobBegin{})}));
  const auto jobs = store_->ListJobs(2 * kSecond, 10).value().jobs;
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].job.job_id, "c");
  EXPECT_EQ(jobs[1].job.job_id, "b");
}

TEST_F(StoreTest, BoundsAListOfJobsByNumberAndBySize) {
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    events.push_back(At(i, "j" + std::to_string(i), JobEnd{0, std::string(14 << 20, 'r'), true}));
  }
  Append(BatchOf(std::move(events)));
  EXPECT_EQ(store_->ListJobs(0, 3)->jobs.size(), 3U);
  EXPECT_TRUE(store_->ListJobs(0, 3)->truncated);
  const JobPage page = store_->ListJobs(0, 12).value();
  EXPECT_TRUE(page.truncated);  // 168 MiB
  EXPECT_EQ(page.jobs.size(), 9U);
  EXPECT_EQ(page.jobs[0].job.job_id, "j12");
  EXPECT_FALSE(store_->ListJobs(6 * kSecond, 7)->truncated);
}

TEST_F(StoreTest, SaysWhenThereAreMoreGapsThanItGives) {
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= 5; ++i) events.push_back(At(2 * i, "j", Gap{"ring-full", 1, 2, {}}));
  Append(BatchOf(events));
  EvidenceLimits limits;
  limits.gaps = 5;
  EXPECT_FALSE(store_->LoadJob("j", limits)->gaps_truncated);
  limits.gaps = 4;
  const JobEvidence job = store_->LoadJob("j", limits).value();
  EXPECT_TRUE(job.gaps_truncated);
  EXPECT_EQ(job.gaps.size(), 4U);
  EXPECT_EQ(job.sequence_gaps.size(), 4U);
}

TEST_F(StoreTest, GivesUpAQuestionWhenTold) {
  std::vector<Event> events;
  for (std::uint64_t i = 1; i <= 20000; ++i) events.push_back(At(i, "j", FlowOf(i, "192.0.2.1")));
  Append(BatchOf(std::move(events)));
  int asked = 0;
  const auto given_up = store_->ListFlows({.job_id = "", .limit = 10}, [&] { return ++asked == 2; });
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, Code::kExhausted);
  EXPECT_EQ(asked, 2);
  EXPECT_TRUE(store_->ListFlows({.job_id = "", .limit = 10}));  // only that one
}

TEST_F(StoreTest, ListsFlowsOfAllJobsSinceATime) {
  Append(BatchOf({At(1, "a", FlowOf(1, "192.0.2.1")), At(5, "b", FlowOf(1, "192.0.2.1"))}));
  EXPECT_EQ(store_->ListFlows(FlowFilter{})->flows.size(), 2U);
  const auto recent = store_->ListFlows({.job_id = "", .since_ns = 4 * kSecond})->flows;
  ASSERT_EQ(recent.size(), 1U);
  EXPECT_EQ(recent[0].job_id, "b");
}

TEST_F(StoreTest, KeepsGapsOfTheSensorWithEachJobThatTheyTouch) {
  Append(BatchOf({At(1, "early", JobBegin{}), At(2, "early", JobEnd{}), At(3, "j", JobBegin{}),
                  At(4, "", Gap{"sensor-down", 3 * kSecond, 4 * kSecond, {{"exec", 3}, {"flow", 9}}}),
                  At(5, "j", Gap{"ring-full", 1, 2, {{"dns", 1}}})}));
  const auto gaps = Load("j").gaps;
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].gap, (Gap{"sensor-down", 3 * kSecond, 4 * kSecond, {{"exec", 3}, {"flow", 9}}}));
  EXPECT_TRUE(Load("early").gaps.empty());
}

TEST_F(StoreTest, KeepsAnswersFindingsAndHeartbeats) {
  Finding finding{"left-cgroup", "moved\nout", 10, 1010, "sh"};
  Append(BatchOf(
      {At(1, "j", DnsAnswer{10, 1010, "a.example.org", "A", "192.0.2.53", {"192.0.2.1", "192.0.2.2"}, 2, 60, 1, false}),
       At(2, "j", finding), At(3, "", Heartbeat{"0.1.0", "6.1", "host", true, 2})}));
  const JobEvidence job = Load("j");
  ASSERT_EQ(job.findings.size(), 1U);
  EXPECT_EQ(job.findings[0].finding, finding);
}

TEST_F(StoreTest, NamesTheProcessOfAFindingByItsExec) {
  Exec exec = ExecOf(10, 0, "/usr/bin/insmod");
  exec.comm = "insmod";
  Append(BatchOf({At(1, "j", exec), At(2, "j", Finding{"guard-modules", "denied", 10, 1010, ""}),
                  At(3, "j", Finding{"guard-modules", "denied", 11, 1011, ""}),
                  At(4, "other", Finding{"guard-modules", "denied", 10, 1010, ""})}));
  const JobEvidence job = Load("j");
  ASSERT_EQ(job.findings.size(), 2U);
  EXPECT_EQ(job.findings[0].finding.comm, "insmod");
  EXPECT_EQ(job.findings[1].finding.comm, "") << "its exec is not here";
  EXPECT_EQ(Load("other").findings[0].finding.comm, "") << "another job's process";
}

TEST_F(StoreTest, RemembersEverythingAfterReopening) {
  Append(ThreeEvents());
  Open();
  EXPECT_EQ(Append(ThreeEvents()), (Appended{3, 0, 3, 0}));
  EXPECT_EQ(Flows("j").size(), 1U);
}

TEST_F(StoreTest, LetsTwoProcessesWriteOneFile) {
  auto second = Store::Open({.path = path_}).value();
  Append(ThreeEvents());
  const Batch again = ThreeEvents();
  EXPECT_EQ(second->Append(std::span(&again, 1))->front().value(), (Appended{3, 0, 3, 0}));
  const Batch other = BatchOf({At(4, "j", FlowOf(10, "192.0.2.7"))});
  EXPECT_EQ(second->Append(std::span(&other, 1))->front().value(), (Appended{4, 1, 0, 0}));
  EXPECT_EQ(Append(other), (Appended{4, 0, 1, 0}));
  EXPECT_EQ(Flows("j").size(), 2U);
}

TEST_F(StoreTest, ReportsAFullDatabaseStoresNothingAndRecovers) {
  store_.reset();
  auto small = Store::Open({.path = path_, .max_database_bytes = 1 << 20}).value();
  std::vector<Event> events = {At(1, "j", JobBegin{})};
  for (std::uint64_t i = 2; i <= 2000; ++i) {
    Exec exec = ExecOf(i, 0, "/p");
    exec.arguments = {std::string(4000, 'a')};
    events.push_back(At(i, "j", exec));
  }
  const Batch large = BatchOf(events);
  const auto full = small->Append(std::span(&large, 1));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kExhausted);
  EXPECT_EQ(full.error().sys_errno, ENOSPC);
  EXPECT_EQ(small->LoadJob("j", {}).error().code, Code::kNotFound);
  const Batch first = BatchOf({events[0]});
  EXPECT_EQ(small->Append(std::span(&first, 1))->front().value(), (Appended{1, 1, 0, 0}));
  small.reset();
  Open();  // with room again
  EXPECT_EQ(Append(large), (Appended{2000, 1999, 1, 0}));
}

}  // namespace
}  // namespace weir::store
