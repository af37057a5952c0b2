// SPDX-License-Identifier: Apache-2.0
// A collector in this process with a database of its own, and the story of one job to tell it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collector/app/collector.h"
#include "tests/unit/report/evidence.h"
#include "weir/v1/ingest.grpc.pb.h"
#include "weir/v1/review.grpc.pb.h"

namespace weir {

namespace fs = std::filesystem;

inline constexpr std::chrono::seconds kDeadline{30};
inline constexpr std::int64_t kSecond = 1'000'000'000;

inline void SetDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
}

inline v1::Event& Add(v1::EventBatch& batch, std::uint64_t sequence, const char* job = "job-1") {
  v1::Event& event = *batch.add_events();
  event.set_sequence(sequence);
  event.set_time_ns(static_cast<std::int64_t>(sequence) * kSecond);
  event.set_job_id(job);
  return event;
}

inline v1::EventBatch NewBatch(const char* sensor = "runner-1", std::uint64_t epoch = 7) {
  v1::EventBatch batch;
  batch.set_sensor(sensor);
  batch.set_epoch(epoch);
  return batch;
}

inline void Fill(v1::FlowId& id, std::uint64_t exec_id, const char* address, v1::Verdict verdict) {
  id.set_exec_id(exec_id);
  id.set_address(address);
  id.set_port(443);
  id.set_protocol("tcp");
  id.set_verdict(verdict);
  id.set_hook(v1::HOOK_CONNECT);
  id.set_why(verdict == v1::VERDICT_ALLOW ? "name" : "no-rule");
}

/// bash > node > curl; node fetches, curl leaks; ended with a record.
inline v1::EventBatch WholeJob() {
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

}  // namespace weir
