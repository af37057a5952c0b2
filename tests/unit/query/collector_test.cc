// SPDX-License-Identifier: Apache-2.0
// The whole collector in process: scripted event streams in by EventIngest, questions answered by Review.
#include "collector/app/collector.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "collector/rpc/client.h"
#include "tests/unit/report/evidence.h"
#include "weir/v1/ingest.grpc.pb.h"
#include "weir/v1/review.grpc.pb.h"

namespace weir {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::chrono::seconds kDeadline{30};
constexpr std::int64_t kSecond = 1'000'000'000;

void SetDeadline(grpc::ClientContext& context) { context.set_deadline(std::chrono::system_clock::now() + kDeadline); }

v1::Event& Add(v1::EventBatch& batch, std::uint64_t sequence, const char* job = "job-1") {
  v1::Event& event = *batch.add_events();
  event.set_sequence(sequence);
  event.set_time_ns(static_cast<std::int64_t>(sequence) * kSecond);
  event.set_job_id(job);
  return event;
}

v1::EventBatch NewBatch(const char* sensor = "runner-1", std::uint64_t epoch = 7) {
  v1::EventBatch batch;
  batch.set_sensor(sensor);
  batch.set_epoch(epoch);
  return batch;
}

void Fill(v1::FlowId& id, std::uint64_t exec_id, const char* address, v1::Verdict verdict) {
  id.set_exec_id(exec_id);
  id.set_address(address);
  id.set_port(443);
  id.set_protocol("tcp");
  id.set_verdict(verdict);
  id.set_hook(v1::HOOK_CONNECT);
  id.set_why(verdict == v1::VERDICT_ALLOW ? "name" : "no-rule");
}

/// bash > node > curl; node fetches, curl leaks; ended with a record.
v1::EventBatch WholeJob() {
  v1::EventBatch batch = NewBatch();
  v1::JobBegin& begin = *Add(batch, 1).mutable_job_begin();
  begin.set_name("build");
  begin.set_mode(v1::MODE_AUDIT);
  begin.set_host("runner-1");
  (*begin.mutable_labels())["repository"] = "org/x";
  const char* const names[] = {"/usr/bin/bash", "/usr/bin/node", "/usr/bin/curl\x1b[31m"};
  for (std::uint64_t i = 0; i < 3; ++i) {
    v1::ProcessExec& exec = *Add(batch, 2 + i).mutable_exec();
    exec.set_exec_id(i + 1);
    exec.set_parent_exec_id(i);
    exec.set_pid(static_cast<std::uint32_t>(100 + i));
    exec.set_executable(names[i]);
    exec.add_arguments(names[i]);
    exec.add_arguments("--flag");
  }
  v1::Flow& fetch = *Add(batch, 5).mutable_flow();
  Fill(*fetch.mutable_id(), 2, "198.51.100.7", v1::VERDICT_ALLOW);
  fetch.set_name("registry.example.org");
  fetch.set_rule("registry.example.org:443");
  v1::FlowTotals& totals = *Add(batch, 6).mutable_flow_totals();
  *totals.mutable_id() = fetch.id();
  totals.set_count(12);
  totals.set_bytes_in(5000);
  v1::Flow& leak = *Add(batch, 7).mutable_flow();
  Fill(*leak.mutable_id(), 3, "203.0.113.66", v1::VERDICT_WOULD_DENY);
  leak.set_name("paste.example.net");
  v1::DnsQuery& query = *Add(batch, 8).mutable_dns_query();
  query.set_exec_id(3);
  query.set_name("evil.example.net");
  query.set_type("A");
  query.set_server("192.0.2.53");
  query.set_verdict(v1::VERDICT_WOULD_DENY);
  query.set_why("dns-name");
  Add(batch, 9).mutable_exit()->set_exec_id(3);
  batch.mutable_events(8)->mutable_exit()->set_pid(102);
  v1::JobEnd& end = *Add(batch, 10).mutable_job_end();
  end.set_exit_status(3);
  end.set_complete(true);
  end.set_record_json(report::RecordJson(true, true, 0));
  return batch;
}

class CollectorTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = fs::temp_directory_path() / "weir-collector-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    Open({});
  }
  void TearDown() override {
    ingest_.reset();
    review_.reset();
    collector_.reset();
    fs::remove_all(directory_);
  }
  void Open(CollectorConfig config) {
    ingest_.reset();
    review_.reset();
    collector_.reset();
    config.database = directory_ / "state" / "weir.db";
    auto collector = Collector::Open(config);
    ASSERT_TRUE(collector) << collector.error().what;
    collector_ = std::move(*collector);
    ingest_ = v1::EventIngest::NewStub(collector_->InProcessChannel());
    review_ = v1::Review::NewStub(collector_->InProcessChannel());
  }

  /// Sends batches on one stream, reads until the last one's end is acknowledged, and returns the stream's status.
  grpc::Status Send(const std::vector<v1::EventBatch>& batches, std::vector<std::uint64_t>* acks = nullptr) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = ingest_->Stream(&context);
    for (const v1::EventBatch& batch : batches) stream->Write(batch);
    stream->WritesDone();
    v1::EventAck ack;
    while (stream->Read(&ack)) {
      if (acks != nullptr) acks->push_back(ack.durable_sequence());
    }
    return stream->Finish();
  }

  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (v1::Review::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request, Response& response) {
    grpc::ClientContext context;
    SetDeadline(context);
    return (review_.get()->*method)(&context, request, &response);
  }

  std::string Report(v1::ReportFormat format) {
    v1::GetReportRequest request;
    request.set_job_id("job-1");
    request.set_format(format);
    v1::GetReportResponse response;
    const grpc::Status status = Ask(&v1::Review::Stub::GetReport, request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.content();
  }

  fs::path directory_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<v1::EventIngest::Stub> ingest_;
  std::unique_ptr<v1::Review::Stub> review_;
};

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

TEST_F(CollectorTest, AcknowledgesNothingWhenTheDatabaseIsFull) {
  CollectorConfig config;
  config.max_database_bytes = 1 << 20;
  Open(config);
  v1::EventBatch large = NewBatch();
  for (std::uint64_t i = 1; i <= 900; ++i) {
    v1::ProcessExec& exec = *Add(large, i).mutable_exec();
    exec.set_exec_id(i);
    exec.add_arguments(std::string(4000, 'a'));
  }
  std::vector<std::uint64_t> acks;
  EXPECT_EQ(Send({large}, &acks).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(acks.empty());
  Open({});
  EXPECT_TRUE(Send({large}, &acks).ok());
  EXPECT_THAT(acks, ElementsAre(900));
}

/// Holds the database's write lock, as another process may.
class WriteLock {
 public:
  explicit WriteLock(const fs::path& database) {
    EXPECT_EQ(sqlite3_open(database.c_str(), &handle_), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(handle_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  }
  ~WriteLock() { sqlite3_close(handle_); }
  WriteLock(const WriteLock&) = delete;
  WriteLock& operator=(const WriteLock&) = delete;

 private:
  sqlite3* handle_ = nullptr;
};

v1::EventBatch LargeBatch(std::uint64_t first, std::uint64_t events) {
  v1::EventBatch large = NewBatch();
  for (std::uint64_t i = first; i < first + events; ++i) {
    v1::ProcessExec& exec = *Add(large, i).mutable_exec();
    exec.set_exec_id(i);
    exec.add_arguments(std::string(4000, 'a'));
  }
  return large;
}

TEST_F(CollectorTest, AcknowledgesNothingBehindABatchThatWasNotStored) {
  std::atomic<int> told = 0;
  CollectorConfig config;
  config.max_database_bytes = 1 << 20;
  config.on_database = [&](const Error* failure) { told += failure != nullptr ? 1 : 100; };
  Open(config);
  const v1::EventBatch large = LargeBatch(1, 900);
  v1::EventBatch small = NewBatch();
  Add(small, 901).mutable_fork()->set_exec_id(1);
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = ingest_->Stream(&context);
  {
    // The large batch waits for the lock alone, so the small one is in the next commit, for which there is room.
    const WriteLock lock(directory_ / "state" / "weir.db");
    ASSERT_TRUE(stream->Write(large));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    ASSERT_TRUE(stream->Write(small));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  v1::EventAck ack;
  EXPECT_FALSE(stream->Read(&ack)) << ack.durable_sequence();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(told, 101);  // once that it is full, once that it is not
  Open({});
  std::vector<std::uint64_t> acks;
  EXPECT_TRUE(Send({large, small}, &acks).ok());
  EXPECT_EQ(acks.back(), 901U);
  v1::ListProcessesRequest request;
  request.set_job_id("job-1");
  v1::ListProcessesResponse response;
  ASSERT_TRUE(Ask(&v1::Review::Stub::ListProcesses, request, response).ok());
  ASSERT_EQ(response.processes_size(), 900);
  EXPECT_EQ(response.processes(0).forks(), 1U);  // twice sent, once stored
}

/// For the address sanitizer: a batch that arrives while its stream ends must not reach the writer with a reactor that
/// is gone.
TEST_F(CollectorTest, SurvivesBatchesThatArriveWhileTheirStreamFails) {
  CollectorConfig config;
  config.max_database_bytes = 1 << 20;
  Open(config);
  for (int i = 0; i < 30; ++i) {
    grpc::ClientContext context;
    SetDeadline(context);
    const auto stream = ingest_->Stream(&context);
    std::thread reader([&] {
      for (v1::EventAck ack; stream->Read(&ack);) {
      }
    });
    bool open = true;
    for (std::uint64_t b = 0; open && b < 20; ++b) open = stream->Write(LargeBatch(1 + b * 200, 200));
    stream->WritesDone();
    reader.join();
    EXPECT_FALSE(stream->Finish().ok());
  }
}

TEST_F(CollectorTest, SurvivesClientsThatGoAwayInTheMiddle) {
  for (int i = 0; i < 50; ++i) {
    grpc::ClientContext context;
    const auto stream = ingest_->Stream(&context);
    v1::EventBatch batch = NewBatch("runner-1", static_cast<std::uint64_t>(i) + 1);
    for (std::uint64_t s = 1; s <= 100; ++s) Add(batch, s).mutable_fork();
    stream->Write(batch);
    stream->Write(batch);
    context.TryCancel();
    stream->Finish();
  }
  EXPECT_TRUE(Send({WholeJob()}).ok());
}

TEST_F(CollectorTest, ShutsDownWhileAStreamIsOpen) {
  grpc::ClientContext context;
  SetDeadline(context);
  const auto stream = ingest_->Stream(&context);
  ASSERT_TRUE(stream->Write(WholeJob()));
  v1::EventAck ack;
  ASSERT_TRUE(stream->Read(&ack));
  // The sensor keeps its stream open; that does not cost the grace.
  const auto begin = std::chrono::steady_clock::now();
  collector_->Shutdown(kDeadline);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kDeadline / 2);
  EXPECT_FALSE(stream->Read(&ack));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
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
