// SPDX-License-Identifier: Apache-2.0
// Which step of a workflow a process, a flow, a lookup and a finding are of.
#include <gtest/gtest.h>

#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

constexpr char kHostileName[] = "x\x1b[2J\xff\n::error::";

Event Of(std::uint32_t step, Event event) {
  event.step = step;
  return event;
}

Exec Begins(Exec exec, std::string name, std::string repository = {}, std::string ref = {}) {
  exec.step_name = std::move(name);
  exec.action_repository = std::move(repository);
  exec.action_ref = std::move(ref);
  return exec;
}

DnsQuery QueryOf(std::uint64_t exec_id) {
  DnsQuery query;
  query.exec_id = exec_id;
  query.name = "a.example.org";
  query.type = "A";
  query.server = "192.0.2.53";
  query.verdict = Verdict::kDeny;
  query.why = "dns-name";
  return query;
}

/// Two steps with a name, one without; the Worker (exec 1) and its steps share an image until they have one.
Batch ThreeSteps() {
  return BatchOf({
      At(1, "j", ExecOf(1, 0, "/r/bin/Runner.Worker")),
      Of(1, At(2, "j", Begins(ExecOf(2, 1, "/bin/bash"), "__run"))),
      Of(1, At(3, "j", ExecOf(3, 2, "/usr/bin/curl"))),
      Of(2, At(4, "j", Begins(ExecOf(4, 1, "/usr/bin/node"), kHostileName, "acme/\xff", "v4"))),
      Of(3, At(5, "j", ExecOf(5, 1, "/usr/bin/docker"))),
      Of(1, At(6, "j", FlowOf(3, "192.0.2.1", Verdict::kDeny))),
      Of(2, At(7, "j", FlowOf(4, "192.0.2.1", Verdict::kDeny))),
      Of(1, At(8, "j", QueryOf(3))),
      Of(2, At(9, "j", Finding{"listener", "x", 4, 1004, ""})),
      At(10, "j", FlowOf(1, "192.0.2.7")),
  });
}

std::vector<Step> StepsOf(const std::vector<StoredFlow>& flows) {
  std::vector<Step> steps;
  for (const StoredFlow& flow : flows) steps.push_back(flow.step);
  return steps;
}

TEST_F(StoreTest, GivesBackTheStepOfEverything) {
  Append(ThreeSteps());
  const Step run{1, "__run"};
  const Step action{2, kHostileName};
  const JobEvidence job = Load("j");
  EXPECT_EQ(StepsOf(job.flows.flows), (std::vector<Step>{run, action, run, {0, ""}}));
  std::vector<Step> of_processes;
  for (const StoredExec& process : job.processes.processes) of_processes.push_back(process.step);
  EXPECT_EQ(of_processes, (std::vector<Step>{{0, ""}, run, run, action, {3, ""}}));
  ASSERT_EQ(job.findings.size(), 1U);
  EXPECT_EQ(job.findings[0].step, action);
  ASSERT_EQ(job.steps.size(), 2U);
  EXPECT_EQ(job.steps[0].step, run);
  EXPECT_EQ(job.steps[0].action_repository, "");
  EXPECT_EQ(job.steps[1].step, action);
  EXPECT_EQ(job.steps[1].action_repository, "acme/\xff");
  EXPECT_EQ(job.steps[1].action_ref, "v4");
  EXPECT_EQ(job.steps[1].time_ns, 4 * kSecond);
}

TEST_F(StoreTest, NarrowsToOneStepByNumberOrName) {
  Append(ThreeSteps());
  const auto flows = [&](const StepFilter& step) {
    FlowFilter filter;
    filter.job_id = "j";
    filter.step = step;
    return store_->ListFlows(filter)->flows.size();
  };
  const auto processes = [&](const StepFilter& step) { return store_->ListProcesses("j", 10, step)->processes.size(); };
  EXPECT_EQ(flows({}), 4U);
  EXPECT_EQ(flows({1, ""}), 2U);
  EXPECT_EQ(flows({{}, "__run"}), 2U);
  EXPECT_EQ(flows({2, ""}), 1U);
  EXPECT_EQ(flows({{}, kHostileName}), 1U);
  EXPECT_EQ(flows({0, ""}), 1U) << "what is of no step";
  EXPECT_EQ(flows({{}, "__run%"}), 0U);
  EXPECT_EQ(flows({9, ""}), 0U);
  EXPECT_EQ(processes({}), 5U);
  EXPECT_EQ(processes({1, ""}), 2U);
  EXPECT_EQ(processes({{}, "__run"}), 2U);
  EXPECT_EQ(processes({0, ""}), 1U);
}

TEST_F(StoreTest, KeepsSightingsOfTwoStepsOfOneImageApart) {
  const Flow flow = FlowOf(1, "192.0.2.1", Verdict::kDeny);
  Append(BatchOf({Of(1, At(1, "j", flow)), Of(2, At(2, "j", flow)), Of(2, At(3, "j", TotalsOf(flow, 9, 90))),
                  Of(1, At(4, "j", QueryOf(1))), Of(2, At(5, "j", QueryOf(1))), Of(2, At(6, "j", QueryOf(1)))}));
  const auto flows = Flows("j");
  ASSERT_EQ(flows.size(), 4U);
  std::map<std::pair<std::uint32_t, Hook>, std::uint64_t> counts;
  for (const StoredFlow& stored : flows) counts[{stored.step.number, stored.flow.key.hook}] = stored.totals.count;
  const std::map<std::pair<std::uint32_t, Hook>, std::uint64_t> want{
      {{1, Hook::kConnect}, 1}, {{2, Hook::kConnect}, 9}, {{1, Hook::kDns}, 1}, {{2, Hook::kDns}, 2}};
  EXPECT_EQ(counts, want);
}

TEST_F(StoreTest, KeepsTheFirstNameOfAStepAndOneOfNoStepAtAll) {
  Append(BatchOf({Of(1, At(1, "j", Begins(ExecOf(2, 1, "/bin/bash"), "first"))),
                  Of(1, At(2, "j", Begins(ExecOf(3, 2, "/bin/bash"), "second"))),
                  Of(0, At(3, "j", Begins(ExecOf(4, 1, "/bin/bash"), "none")))}));
  const auto steps = Load("j").steps;
  ASSERT_EQ(steps.size(), 1U);
  EXPECT_EQ(steps[0].step, (Step{1, "first"}));
}

}  // namespace
}  // namespace weir::store
