// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "collector/report/escape.h"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::FlowRow DeniedConnect() {
  v1::FlowRow flow;
  flow.set_job_id("20260817-093015123-q3k7x0v2md");
  flow.mutable_id()->set_exec_id(0xffff000000000001);
  flow.mutable_id()->set_address("2001:db8::1");
  flow.mutable_id()->set_port(8443);
  flow.mutable_id()->set_protocol("tcp");
  flow.mutable_id()->set_verdict(v1::VERDICT_DENY);
  flow.mutable_id()->set_hook(v1::HOOK_CONNECT);
  flow.mutable_id()->set_why("no-rule");
  flow.set_pid(4711);
  flow.set_executable("/usr/bin/curl");
  flow.add_ancestry("/bin/bash");
  flow.add_ancestry("/usr/bin/curl");
  flow.set_count(3);
  return flow;
}

TEST(Flow, NamesDestinationProcessAndReason) {
  v1::FlowRow flow = DeniedConnect();
  EXPECT_EQ(TargetOf(flow), "[2001:db8::1]:8443");
  EXPECT_EQ(ProcessOf(flow), "bash › curl[4711]");
  EXPECT_EQ(ReasonOf(flow), "no-rule");
  flow.set_name("example.org");
  flow.mutable_id()->set_protocol("udp");
  flow.mutable_id()->set_why("deny-rule");
  flow.set_rule("example.org");
  EXPECT_EQ(TargetOf(flow), "example.org:8443/udp");
  EXPECT_EQ(ReasonOf(flow), "deny-rule example.org");
}

TEST(Flow, TellsLookupsAndSocketsFromConnections) {
  v1::FlowRow flow = DeniedConnect();
  flow.mutable_id()->set_hook(v1::HOOK_DNS);
  flow.set_name("evil.example.net");
  flow.set_query_type("AAAA");
  EXPECT_EQ(TargetOf(flow), "lookup of evil.example.net (AAAA)");
  flow.mutable_id()->set_hook(v1::HOOK_SOCKET);
  flow.set_socket_kind("inet/raw/icmp");
  EXPECT_EQ(TargetOf(flow), "socket inet/raw/icmp");
}

TEST(Flow, WithoutExecutableHasItsComm) {
  v1::FlowRow flow;
  flow.set_comm("kthread");
  EXPECT_EQ(ProcessOf(flow), "kthread[0]");
  flow.clear_comm();
  EXPECT_EQ(ProcessOf(flow), "?[0]");
}

TEST(Flow, JsonHasTheSchemaAndExactIds) {
  v1::ListFlowsResponse flows;
  *flows.add_flows() = DeniedConnect();
  flows.set_truncated(true);
  const Json document = FlowDocument(flows);
  EXPECT_EQ(document["schema"], "weir.egress.v1");
  EXPECT_EQ(document["truncated"], true);
  EXPECT_EQ(document["flows"][0]["exec_id"], "18446462598732840961");
  EXPECT_EQ(document["flows"][0]["verdict"], "deny");
  EXPECT_EQ(document["flows"][0]["hook"], "connect");
}

TEST(Flow, HostileBytesMakeValidJsonAndSafeTables) {
  v1::ListFlowsResponse flows;
  v1::FlowRow flow = DeniedConnect();
  flow.set_executable("/tmp/\x1b[2J\n\xff");
  flow.add_arguments("\xe2\x80\xae");
  *flows.add_flows() = flow;
  EXPECT_NO_THROW((void)FlowDocument(flows).dump());
  const std::string table = FlowTable(flows, true).Render({});
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 2);
}

v1::ProcessRow Process(std::uint64_t id, std::uint64_t parent, const std::string& command) {
  v1::ProcessRow row;
  row.mutable_exec()->set_exec_id(id);
  row.mutable_exec()->set_parent_exec_id(parent);
  row.mutable_exec()->set_pid(static_cast<std::uint32_t>(id));
  row.mutable_exec()->add_arguments(command);
  return row;
}

// A column that is empty for all of a listing would only take room.
TEST(Step, IsShownWhereThereAreSteps) {
  v1::ListFlowsResponse flows;
  *flows.add_flows() = DeniedConnect();
  v1::ListProcessesResponse processes;
  *processes.add_processes() = Process(1, 0, "make");
  EXPECT_THAT(FlowTable(flows, false).Render({}), Not(HasSubstr("STEP")));
  EXPECT_THAT(ProcessTable(processes, true).Render({}), Not(HasSubstr("STEP")));
  EXPECT_EQ(FlowDocument(flows)["flows"][0]["step"], 0);
  EXPECT_EQ(ProcessDocument(processes)["processes"][0]["step_name"], "");

  v1::FlowRow& flow = *flows.add_flows() = DeniedConnect();
  flow.set_step(2);
  flow.set_step_name("__run\x1b[2J\xff\n::error::x");
  v1::ProcessRow& process = *processes.add_processes() = Process(2, 1, "cc");
  process.set_step(3);
  for (const std::string& table :
       {FlowTable(flows, false).Render({}), FlowTable(flows, true).Render({.columns = 60, .colour = false})}) {
    EXPECT_THAT(table, HasSubstr("STEP"));
    EXPECT_THAT(table, HasSubstr("2 __run"));
    EXPECT_THAT(table, Not(HasSubstr("\x1b")));
    EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 3);
  }
  EXPECT_THAT(FlowTable(flows, false).Render({}), HasSubstr("\n-  "));
  EXPECT_THAT(ProcessTable(processes, true).Render({}), HasSubstr("  3 "));
  EXPECT_EQ(FlowDocument(flows)["flows"][1]["step"], 2);
  EXPECT_EQ(FlowDocument(flows)["flows"][1]["step_name"], "__run\x1b[2J\\xff\n::error::x");
  EXPECT_EQ(ProcessDocument(processes)["processes"][1]["step"], 3);
}

// The COMMAND column alone.
std::vector<std::string> Commands(const v1::ListProcessesResponse& processes) {
  std::vector<std::string> commands;
  std::istringstream lines(ProcessTable(processes, true).Render({}));
  std::string line;
  std::getline(lines, line);
  const std::size_t at = line.find("COMMAND");
  while (std::getline(lines, line)) commands.push_back(line.substr(at));
  return commands;
}

TEST(ProcessTree, PutsEachBelowItsParent) {
  v1::ListProcessesResponse processes;
  for (const auto& row : {Process(1, 0, "make"), Process(2, 1, "cc"), Process(3, 1, "npm"), Process(4, 3, "node"),
                          Process(9, 77, "orphan")}) {
    *processes.add_processes() = row;
  }
  EXPECT_EQ(Commands(processes), (std::vector<std::string>{"make", "├─ cc", "└─ npm", "   └─ node", "orphan"}));
}

TEST(ProcessTree, SurvivesLoopsAndRepeatedIds) {
  v1::ListProcessesResponse processes;
  for (const auto& row : {Process(5, 5, "self"), Process(1, 0, "a"), Process(1, 0, "a")})
    *processes.add_processes() = row;
  EXPECT_EQ(Commands(processes).size(), 2U);
}

TEST(ProcessTree, DrawsDeepChainsInBoundedWidth) {
  v1::ListProcessesResponse processes;
  for (std::uint64_t id = 1; id <= 5000; ++id) *processes.add_processes() = Process(id, id - 1, "p");
  const auto commands = Commands(processes);
  ASSERT_EQ(commands.size(), 5000U);
  EXPECT_EQ(commands.back(), "…4999 └─ p");
}

TEST(Process, TellsSignalsFromStatuses) {
  v1::ListProcessesResponse processes;
  v1::ProcessRow row = Process(1, 0, "sleep");
  row.set_exit_time_ns(5);
  row.set_wait_status(15);
  *processes.add_processes() = row;
  EXPECT_THAT(ProcessTable(processes, false).Render({}), HasSubstr("signal 15"));
  EXPECT_EQ(ProcessDocument(processes)["processes"][0]["wait_status"], 15);
  processes.mutable_processes(0)->clear_exit_time_ns();
  EXPECT_TRUE(ProcessDocument(processes)["processes"][0]["wait_status"].is_null());
}

TEST(Job, WithoutItsEndIsNotCalledEnded) {
  v1::JobRow row;
  row.set_job_id("a");
  EXPECT_EQ(LineOf(row, false).state, "no-end");
  EXPECT_EQ(LineOf(row, true).state, "running");
  row.set_ended(true);
  row.set_exit_status(3);
  const Json json = JobDocument({LineOf(row, false)});
  EXPECT_EQ(json["schema"], "weir.jobs.v1");
  EXPECT_EQ(json["jobs"][0]["state"], "ended");
  EXPECT_EQ(json["jobs"][0]["exit_status"], 3);
}

// "Nothing was denied" and "nothing was watched" must never look alike.
TEST(Job, OfWhichNothingWasProvenLooksLikeNoOther) {
  v1::JobRow row;
  row.set_job_id("a");
  row.set_ended(true);
  EXPECT_THAT(JobTable({LineOf(row, false)}, 0).Render({}), HasSubstr("INCOMPLETE"));
  row.set_complete(true);
  EXPECT_THAT(JobTable({LineOf(row, false)}, 0).Render({}), HasSubstr("  complete"));
  row.set_ended(false);
  EXPECT_THAT(JobTable({LineOf(row, false)}, 0).Render({}), HasSubstr("no-end"));
  v1::JobState state;
  EXPECT_THAT(JobTable({LineOf(state)}, 0).Render({}), HasSubstr("NOT ARMED"));
  state.set_armed(true);
  EXPECT_THAT(JobTable({LineOf(state)}, 0).Render({}), HasSubstr("running"));
}

std::size_t Widest(const std::string& text) {
  std::size_t widest = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, report::Columns(line));
  return widest;
}

TEST(Listings, FitNarrowTerminals) {
  v1::JobRow job;
  job.set_job_id("20261125-191202355-fgst9c6frj");
  job.set_name(std::string(128, 'n'));
  job.set_ended(true);
  job.set_begin_time_ns(1'795'633'923'722'691'496);
  v1::ListFlowsResponse flows;
  v1::FlowRow& flow = *flows.add_flows();
  flow.set_job_id(job.job_id());
  flow.set_name(std::string(253, 'x'));
  flow.set_executable("/" + std::string(200, 'e'));
  flow.set_pid(4'194'304);
  flow.mutable_id()->set_verdict(v1::VERDICT_WOULD_DENY);
  flow.mutable_id()->set_address("2001:db8:1234:5678:9abc:def0:1234:5678");
  flow.mutable_id()->set_port(65535);
  flow.mutable_id()->set_why("deny-rule");
  v1::ListProcessesResponse processes;
  v1::ProcessRow& process = *processes.add_processes();
  process.mutable_exec()->set_pid(4'194'304);
  process.mutable_exec()->add_arguments(std::string(3000, 'a'));
  process.mutable_exec()->set_executable("/" + std::string(200, 'e'));
  process.set_time_ns(job.begin_time_ns());
  for (const int columns : {60, 80, 100, 120}) {
    const Screen screen{.columns = columns, .colour = false};
    const auto room = static_cast<std::size_t>(columns);
    EXPECT_LE(Widest(JobTable({LineOf(job, false)}, 0).Render(screen)), room);
    EXPECT_LE(Widest(FlowTable(flows, true).Render(screen)), room);
    EXPECT_LE(Widest(FlowTable(flows, false).Render(screen)), room);
    EXPECT_LE(Widest(ProcessTable(processes, true).Render(screen)), room);
  }
}

TEST(Job, ThatEndedAndLeftProcessesIsNotRunning) {
  v1::JobState state;
  state.set_job_id("a");
  state.set_armed(true);
  state.set_ended(true);
  state.set_begin_time_ns(1'000'000'000);
  state.set_end_time_ns(3'000'000'000);
  state.set_exit_status(4);
  state.set_leftovers(2);
  const std::string table = JobTable({LineOf(state)}, 0).Render({});
  EXPECT_THAT(table, HasSubstr("ended, 2 left"));
  EXPECT_THAT(table, Not(HasSubstr("running")));
  const Json json = JobJson(LineOf(state));
  EXPECT_EQ(json["state"], "ended");
  EXPECT_EQ(json["leftovers"], 2);
  EXPECT_EQ(json["end_time_ns"], 3'000'000'000);
  EXPECT_EQ(json["exit_status"], 4);
}

TEST(Jobs, SayWhenThereAreMore) {
  EXPECT_EQ(JobDocument({}, true)["truncated"], true);
  EXPECT_EQ(JobDocument({})["truncated"], false);
}

TEST(Job, OfARunningSensorTellsWhetherItWasAdopted) {
  v1::JobState state;
  state.set_job_id("a");
  state.set_adopted(true);
  EXPECT_EQ(JobJson(LineOf(state))["adopted"], true);
}

}  // namespace
}  // namespace weir::cli
