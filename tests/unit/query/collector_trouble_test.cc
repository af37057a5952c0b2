// SPDX-License-Identifier: Apache-2.0
// Ingest when the database is full or locked, clients go away and the collector shuts down.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "tests/unit/query/collector_fixture.h"

namespace weir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

}  // namespace
}  // namespace weir
