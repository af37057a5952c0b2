// SPDX-License-Identifier: Apache-2.0
#include "collector/app/collector.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "collector/rpc/client.h"
#include "tests/unit/query/collector_fixture.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(CollectorTest, AcknowledgesTheLastDurableSequence) {
  std::vector<std::uint64_t> acks;
  EXPECT_TRUE(Send({WholeJob()}, &acks).ok());
  EXPECT_THAT(acks, ElementsAre(10));
  EXPECT_TRUE(Send({WholeJob()}, &acks).ok());  // again: acknowledged again, stored once
  EXPECT_THAT(acks, ElementsAre(10, 10));
  v1::ListProcessesRequest request;
  request.set_job_id("job-1");
  v1::ListProcessesResponse response;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListProcesses, request, response).ok());
  EXPECT_EQ(response.processes_size(), 3);
}

TEST_F(CollectorTest, TakesManyBatchesOnOneStreamInOrder) {
  std::vector<v1::EventBatch> batches;
  for (std::uint64_t i = 0; i < 200; ++i) {
    batches.push_back(NewBatch());
    for (std::uint64_t j = 1; j <= 50; ++j) Add(batches.back(), i * 50 + j).mutable_fork()->set_exec_id(1);
  }
  std::vector<std::uint64_t> acks;
  ASSERT_TRUE(Send(batches, &acks).ok());
  ASSERT_FALSE(acks.empty());
  EXPECT_TRUE(std::is_sorted(acks.begin(), acks.end()));
  EXPECT_EQ(acks.back(), 10000U);
}

TEST_F(CollectorTest, TakesStreamsOfManySensorsAtOnce) {
  std::vector<std::thread> sensors;
  for (int s = 0; s < 8; ++s) {
    sensors.emplace_back([this, s] {
      const std::string name = "sensor-" + std::to_string(s);
      std::vector<v1::EventBatch> batches;
      for (std::uint64_t i = 1; i <= 50; ++i) {
        batches.push_back(NewBatch(name.c_str()));
        Add(batches.back(), i, name.c_str()).mutable_fork()->set_exec_id(1);
      }
      std::vector<std::uint64_t> acks;
      EXPECT_TRUE(Send(batches, &acks).ok());
      ASSERT_FALSE(acks.empty());
      EXPECT_EQ(acks.back(), 50U);
    });
  }
  for (std::thread& sensor : sensors) sensor.join();
  v1::ListReviewJobsResponse jobs;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListJobs, v1::ListReviewJobsRequest(), jobs).ok());
  EXPECT_EQ(jobs.jobs_size(), 8);
}

TEST_F(CollectorTest, EndsAStreamAtABadBatchAndKeepsWhatCameBefore) {
  v1::EventBatch good = NewBatch();
  Add(good, 1).mutable_fork();
  v1::EventBatch bad = NewBatch();
  Add(bad, 2, "no/such\nname").mutable_fork();
  std::vector<std::uint64_t> acks;
  const grpc::Status status = Send({good, bad}, &acks);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("event 0 (sequence 2): job_id"));
  EXPECT_THAT(acks, ElementsAre(1));
}

TEST_F(CollectorTest, RefusesToSpeakForTwoSensorsOnOneStream) {
  v1::EventBatch first = NewBatch("runner-1");
  Add(first, 1).mutable_fork();
  v1::EventBatch second = NewBatch("runner-2");
  Add(second, 1, "job-2").mutable_fork();
  EXPECT_EQ(Send({first, second}).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(CollectorTest, RefusesEventsForAnotherSensorsJob) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  v1::EventBatch forged = NewBatch("runner-2");
  Add(forged, 1).mutable_job_end()->set_record_json(report::RecordJson(true, true, 0));
  EXPECT_EQ(Send({forged}).error_code(), grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(CollectorTest, ListsJobsWithTheRecordsCounts) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  v1::ListReviewJobsResponse jobs;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListJobs, v1::ListReviewJobsRequest(), jobs).ok());
  ASSERT_EQ(jobs.jobs_size(), 1);
  const v1::JobRow& job = jobs.jobs(0);
  EXPECT_EQ(job.job_id(), "job-1");
  EXPECT_EQ(job.name(), "build");
  EXPECT_TRUE(job.ended());
  EXPECT_TRUE(job.complete());
  EXPECT_EQ(job.exit_status(), 3);
  EXPECT_EQ(job.allowed(), 120U);
  EXPECT_EQ(job.processes(), 3U);
  EXPECT_EQ(job.destinations(), 2U);
  EXPECT_EQ(job.labels().at("repository"), "org/x");
}

TEST_F(CollectorTest, DoesNotCallAJobCompleteWhoseRecordCannotBeRead) {
  v1::EventBatch batch = NewBatch();
  Add(batch, 1).mutable_job_end()->set_complete(true);
  ASSERT_TRUE(Send({batch}).ok());
  v1::ListReviewJobsResponse jobs;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListJobs, v1::ListReviewJobsRequest(), jobs).ok());
  EXPECT_TRUE(jobs.jobs(0).ended());
  EXPECT_FALSE(jobs.jobs(0).complete());
}

TEST_F(CollectorTest, ListsFlowsWithProcessAndEscapedAncestry) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  v1::ListFlowsRequest request;
  request.set_job_id("job-1");
  v1::ListFlowsResponse response;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListFlows, request, response).ok());
  ASSERT_EQ(response.flows_size(), 3);
  EXPECT_FALSE(response.truncated());
  const v1::FlowRow& leak = response.flows(0);
  EXPECT_EQ(leak.id().address(), "203.0.113.66");
  EXPECT_EQ(leak.executable(), "/usr/bin/curl\x1b[31m");
  EXPECT_THAT(leak.ancestry(), ElementsAre("/usr/bin/bash", "/usr/bin/node", "/usr/bin/curl\\x1b[31m"));
  EXPECT_EQ(response.flows(1).query_type(), "A");
  EXPECT_EQ(response.flows(2).count(), 12U);
  EXPECT_EQ(response.flows(2).bytes_in(), 5000U);
  request.set_limit(1);
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListFlows, request, response).ok());
  EXPECT_TRUE(response.truncated());
}

TEST_F(CollectorTest, TellsAndAsksForStepsByNumberAndName) {
  v1::EventBatch batch = WholeJob();
  for (v1::Event& event : *batch.mutable_events()) {
    if (event.exec().exec_id() == 3 || event.flow().id().exec_id() == 3) event.set_step(2);
    if (event.exec().exec_id() == 3) event.mutable_exec()->set_step_name("__run\xff");
  }
  ASSERT_TRUE(Send({batch}).ok());
  const auto flows = [this](auto set) {
    v1::ListFlowsRequest request;
    request.set_job_id("job-1");
    set(*request.mutable_step());
    v1::ListFlowsResponse response;
    EXPECT_TRUE(Ask(&v1::Review::Stub::ListFlows, request, response).ok());
    return response;
  };
  const auto all = flows([](auto&) {});
  ASSERT_EQ(all.flows_size(), 3);
  EXPECT_EQ(all.flows(0).step(), 2U);
  EXPECT_EQ(all.flows(0).step_name(), "__run\xff");
  EXPECT_EQ(all.flows(2).step(), 0U);
  EXPECT_EQ(flows([](auto& step) { step.set_number(2); }).flows_size(), 1);
  EXPECT_EQ(flows([](auto& step) { step.set_number(0); }).flows_size(), 2);
  EXPECT_EQ(flows([](auto& step) { step.set_name("__run\xff"); }).flows_size(), 1);
  v1::ListProcessesRequest request;
  request.set_job_id("job-1");
  request.mutable_step()->set_number(2);
  v1::ListProcessesResponse processes;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListProcesses, request, processes).ok());
  ASSERT_EQ(processes.processes_size(), 1);
  EXPECT_EQ(processes.processes(0).step_name(), "__run\xff");
  EXPECT_EQ(processes.processes(0).step(), 2U);
}

TEST_F(CollectorTest, WritesEachKindOfReport) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  const auto json = nlohmann::json::parse(Report(v1::REPORT_FORMAT_JSON));
  EXPECT_EQ(json["schema"], "weir.report.v1");
  EXPECT_EQ(json["summary"]["watch"], "watched");
  EXPECT_EQ(json["refused"].size(), 2U);
  EXPECT_THAT(Report(v1::REPORT_FORMAT_MARKDOWN), testing::StartsWith("## Weir: "));
  EXPECT_THAT(Report(v1::REPORT_FORMAT_HTML), testing::StartsWith("<!doctype html>"));
  EXPECT_EQ(nlohmann::json::parse(Report(v1::REPORT_FORMAT_SARIF))["version"], "2.1.0");
}

TEST_F(CollectorTest, SaysUnfinishedWhileTheEndIsMissing) {
  v1::EventBatch batch = WholeJob();
  batch.mutable_events()->RemoveLast();
  ASSERT_TRUE(Send({batch}).ok());
  EXPECT_THAT(Report(v1::REPORT_FORMAT_MARKDOWN), testing::StartsWith("## Weir: UNFINISHED"));
}

TEST_F(CollectorTest, SaysIncompleteAfterAHoleInTheStream) {
  v1::EventBatch batch = WholeJob();
  batch.mutable_events()->DeleteSubrange(5, 1);
  ASSERT_TRUE(Send({batch}).ok());
  const auto json = nlohmann::json::parse(Report(v1::REPORT_FORMAT_JSON));
  EXPECT_EQ(json["summary"]["complete"], false);
  EXPECT_THAT(json["summary"]["reasons"][0].get<std::string>(),
              HasSubstr("1 event of the sensor (6 to 6) never arrived"));
}

TEST_F(CollectorTest, SendsTheReportOfTheLargestJob) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  std::vector<v1::EventBatch> batches;
  std::uint64_t sequence = 10;
  for (int b = 0; b < 16; ++b) {
    batches.push_back(NewBatch());
    for (int i = 0; i < 4096; ++i) {
      v1::Flow& flow = *Add(batches.back(), ++sequence).mutable_flow();
      const std::string address = "10.1." + std::to_string(b * 16 + i / 256) + "." + std::to_string(i % 256);
      Fill(*flow.mutable_id(), 2, address.c_str(), v1::VERDICT_ALLOW);
    }
  }
  ASSERT_TRUE(Send(batches).ok());
  EXPECT_EQ(nlohmann::json::parse(Report(v1::REPORT_FORMAT_JSON))["allowed"].size(), 65537U);
  EXPECT_LT(Report(v1::REPORT_FORMAT_HTML).size(), std::size_t{4} << 20);
}

TEST_F(CollectorTest, SuggestsAPolicyForWhatAuditedJobsDid) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  v1::SuggestPolicyRequest request;
  request.add_job_ids("job-1");
  v1::SuggestPolicyResponse response;
  const grpc::Status status = Ask(&v1::Review::Stub::SuggestPolicy, request, response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(response.policy_yaml(), HasSubstr("registry.example.org"));
  EXPECT_THAT(response.policy_yaml(), HasSubstr("paste.example.net"));
  EXPECT_EQ(response.flows_covered(), 2U);
  EXPECT_THAT(response.notes(), testing::Contains(HasSubstr("evil.example.net")));
}

TEST_F(CollectorTest, RefusesQuestionsOutOfBoundsAndUnknownJobs) {
  const auto flows = [this](auto set) {
    v1::ListFlowsRequest request;
    set(request);
    v1::ListFlowsResponse response;
    return Ask(&v1::Review::Stub::ListFlows, request, response).error_code();
  };
  EXPECT_EQ(flows([](auto& r) { r.set_limit(100001); }), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(flows([](auto& r) { r.set_job_id("none"); }), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(flows([](auto& r) { r.mutable_step()->set_name(""); }), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(flows([](auto& r) { r.mutable_step()->set_name(std::string(1025, 's')); }),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(flows([](auto&) {}), grpc::StatusCode::OK);
  const auto report = [this](auto set) {
    v1::GetReportRequest request;
    request.set_job_id("none");
    request.set_format(v1::REPORT_FORMAT_JSON);
    set(request);
    v1::GetReportResponse response;
    return Ask(&v1::Review::Stub::GetReport, request, response).error_code();
  };
  EXPECT_EQ(report([](auto&) {}), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(report([](auto& r) { r.clear_job_id(); }), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(report([](auto& r) { r.set_policy_path("/etc/passwd"); }), grpc::StatusCode::INVALID_ARGUMENT);
  v1::SuggestPolicyResponse response;
  EXPECT_EQ(Ask(&v1::Review::Stub::SuggestPolicy, v1::SuggestPolicyRequest(), response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(CollectorTest, RefusesAReportWithoutAFormat) {
  ASSERT_TRUE(Send({WholeJob()}).ok());
  v1::GetReportRequest request;
  request.set_job_id("job-1");
  v1::GetReportResponse response;
  EXPECT_EQ(Ask(&v1::Review::Stub::GetReport, request, response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(CollectorTest, ServesAUnixSocketForItsGroupOnly) {
  const fs::path socket = directory_ / "run" / "collector.sock";
  CollectorConfig config;
  config.listen = {"unix:" + socket.string()};
  Open(config);
  struct stat found {};
  ASSERT_EQ(::stat(socket.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0660U);
  review_ = v1::Review::NewStub(
      grpc::CreateCustomChannel("unix:" + socket.string(), grpc::InsecureChannelCredentials(), rpc::ClientArguments()));
  v1::ListReviewJobsResponse jobs;
  EXPECT_TRUE(Ask(&v1::Review::Stub::ListJobs, v1::ListReviewJobsRequest(), jobs).ok());
  CollectorConfig second = config;
  second.database = directory_ / "second.db";
  const auto refused = Collector::Open(second);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kExists);
}

TEST_F(CollectorTest, MakesItsDirectoryForItselfOnly) {
  EXPECT_EQ(fs::status(directory_ / "state").permissions(), fs::perms::owner_all);
}

TEST(CollectorConfig, NamesEveryFaultAtOnce) {
  CollectorConfig config;
  config.listen = {"0.0.0.0:7411", "nonsense"};
  config.max_database_bytes = 5;
  const auto valid = Validate(config);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().code, Code::kInvalid);
  for (const char* piece :
       {"--db", "--max-db-bytes", "--listen 0.0.0.0:7411", "--insecure-listen", "--listen nonsense"}) {
    EXPECT_THAT(valid.error().what, HasSubstr(piece));
  }
}

TEST(CollectorConfig, AcceptsAnOpenAddressOnlyWhenTold) {
  CollectorConfig config;
  config.database = "x.db";
  config.listen = {"192.0.2.1:7411"};
  EXPECT_FALSE(Validate(config));
  config.insecure_listen = true;
  EXPECT_TRUE(Validate(config));
}

}  // namespace
}  // namespace weir
