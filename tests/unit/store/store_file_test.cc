// SPDX-License-Identifier: Apache-2.0
// The database as a file: not ours, damaged, old, new, shared, full of what a forger wrote.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <fstream>
#include <limits>
#include <thread>

#include "collector/store/migrations.h"
#include "tests/unit/store/store_fixture.h"

namespace weir::store {
namespace {

TEST_F(StoreTest, RefusesAFileThatIsNoDatabase) {
  store_.reset();
  std::ofstream(directory_ / "notes.txt") << std::string(8192, 'x');
  const auto store = Store::Open({.path = directory_ / "notes.txt"});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kInvalid);
  EXPECT_NE(store.error().what.find("notes.txt"), std::string::npos) << store.error().what;
}

TEST_F(StoreTest, RefusesADamagedDatabase) {
  Append(ThreeEvents());
  store_.reset();
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(20);
    file << std::string(400, '\xff');
  }
  const auto store = Store::Open({.path = path_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kInvalid) << store.error().what;
}

void Sql(const fs::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_close(handle);
}

TEST_F(StoreTest, RefusesSomebodyElsesDatabaseAndLeavesItAlone) {
  const fs::path foreign = directory_ / "foreign.db";
  Sql(foreign, "CREATE TABLE bookmarks (url TEXT)");
  const auto before = fs::last_write_time(foreign);
  const auto store = Store::Open({.path = foreign});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kInvalid);
  EXPECT_NE(store.error().what.find("not one of Weir's"), std::string::npos) << store.error().what;
  EXPECT_EQ(fs::last_write_time(foreign), before);
}

TEST_F(StoreTest, RefusesADatabaseOfANewerWeir) {
  store_.reset();
  Sql(path_, "INSERT INTO migrations VALUES (1000, 'future', 0)");
  const auto store = Store::Open({.path = path_});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kUnsupported);
  EXPECT_NE(store.error().what.find("version 1000"), std::string::npos) << store.error().what;
}

TEST_F(StoreTest, MigratesAnOlderDatabaseWithItsRows) {
  const fs::path old = directory_ / "old.db";
  Sql(old,
      "PRAGMA application_id = 1464158546; CREATE TABLE migrations (version INTEGER PRIMARY KEY, name TEXT NOT "
      "NULL, applied_ns BIGINT NOT NULL); INSERT INTO migrations VALUES (1, 'events', 1);" +
          std::string(Migrations().front().sql) +
          "INSERT INTO streams VALUES (1, 'runner-1', 7, 2, 2000000000, 2);"
          "INSERT INTO jobs (job_ref, job_id, sensor, first_event_ns, last_event_ns, name) VALUES (1, 'old-job', "
          "'runner-1', 1, 2000000000, 'kept');"
          "INSERT INTO flows (job_ref, verdict, exec_id, address, port, protocol, hook, why, first_ns, last_ns, count, "
          "bytes_out, pid, name, rule) VALUES (1, 2, 9, '192.0.2.1', 443, 'tcp', 2, 'no-rule', 5, 6, 7, 8, 10, 'n', "
          "'r');"
          "INSERT INTO findings VALUES (1, 1, 1, 1, 'leftover', 'd', 9, 10, x'');"
          "INSERT INTO dns_queries VALUES (1, 1, 2, 3, 9, 10, x'', 'a', 'A', '192.0.2.53', 2, 'dns-name', 0, '', 0);");
  auto store = Store::Open({.path = old});
  ASSERT_TRUE(store) << store.error().what;
  const auto kept = (*store)->LoadJob("old-job", {});
  ASSERT_TRUE(kept) << kept.error().what;
  EXPECT_EQ(kept->job.begin.name, "kept");
  ASSERT_EQ(kept->flows.flows.size(), 2U);
  for (const StoredFlow& flow : kept->flows.flows) EXPECT_EQ(flow.step, (Step{0, ""}));
  const StoredFlow& flow = kept->flows.flows[1];
  EXPECT_EQ(flow.flow.key, (FlowKey{9, "192.0.2.1", 443, "tcp", Verdict::kDeny, Hook::kConnect, "no-rule"}));
  EXPECT_EQ(flow.totals, (Totals{5, 6, 7, 8, 0, 0, 0}));
  EXPECT_EQ(flow.flow.rule, "r");
  ASSERT_EQ(kept->findings.size(), 1U);
  EXPECT_EQ(kept->findings[0].step.number, 0U);
  const Batch next = BatchOf({At(3, "old-job", JobEnd{0, "{}", true}), At(4, "", Heartbeat{"0.1.0", "", "", true, 1})});
  EXPECT_EQ((*store)->Append(std::span(&next, 1))->front().value(), (Appended{4, 2, 0, 0}));
}

TEST_F(StoreTest, SaysWhenItCannotWrite) {
  const auto store = Store::Open({.path = "/proc/weir.db"});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Code::kPrivilege);
  EXPECT_NE(store.error().what.find("/proc/weir.db"), std::string::npos);
}

TEST_F(StoreTest, MakesNoJobOfEventsAboutTheSensor) {
  const Heartbeat beat{"0.1.0", "6.1", "host", true, 1};
  Append(BatchOf({At(1, "j", JobBegin{}), At(2, "", beat), At(3, "j", JobEnd{})}));
  // Nor does the first sensor to speak of itself keep the others from doing so.
  Append(BatchOf({At(1, "k", JobBegin{}), At(2, "", beat), At(3, "k", JobEnd{})}, 7, "runner-2"));
  const auto jobs = store_->ListJobs(0, 10).value().jobs;
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(store_->LoadJob("", {}).error().code, Code::kNotFound);
}

TEST_F(StoreTest, CountsBeyondSixtyThreeBitsWithoutFailing) {
  constexpr std::uint64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const Flow one = FlowOf(1, "192.0.2.1", Verdict::kDeny);
  const Flow two = FlowOf(1, "192.0.2.2", Verdict::kDeny);
  const Flow three = FlowOf(1, "192.0.2.3", Verdict::kDeny);
  Append(BatchOf({At(1, "j", FlowTotals{one.key, {1, 1, kHuge}}), At(2, "j", FlowTotals{two.key, {1, 1, kHuge}})}));
  ASSERT_TRUE(store_->ListJobs(0, 10)) << store_->ListJobs(0, 10).error().what;
  EXPECT_EQ(Load("j").counts.denied, 2 * kHuge);
  Append(BatchOf({At(3, "j", FlowTotals{three.key, {1, 1, kHuge}})}));
  EXPECT_EQ(Load("j").counts.denied, std::numeric_limits<std::uint64_t>::max());  // stays at the top, does not wrap
}

TEST_F(StoreTest, KeepsARecordThatWasMadeAtTimeZero) {
  Event begin = At(1, "j", JobBegin{});
  begin.time_ns = 0;
  std::get<JobBegin>(begin.body).name = "real";
  Event end = At(2, "j", JobEnd{0, "real", true});
  end.time_ns = 0;
  JobBegin forged;
  forged.name = "forged";
  Append(BatchOf({begin, end, At(3, "j", forged), At(4, "j", JobEnd{1, "forged", false})}));
  const StoredJob job = Load("j").job;
  EXPECT_EQ(job.begin.name, "real");
  EXPECT_EQ(job.end.record, "real");
  EXPECT_NE(job.end_ns, 0);  // 0 would say that it has not ended
}

TEST_F(StoreTest, KeepsItsFilesFromOtherUsers) {
  Append(ThreeEvents());
  for (const auto& file : fs::directory_iterator(directory_)) {
    EXPECT_EQ(file.status().permissions(), fs::perms::owner_read | fs::perms::owner_write) << file.path();
  }
}

TEST_F(StoreTest, OpensOneNewDatabaseFromManyProcessesAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const fs::path path = directory_ / ("shared-" + std::to_string(round) + ".db");
    std::vector<std::thread> openers;
    for (int i = 0; i < 8; ++i) {
      openers.emplace_back([&path, i] {
        auto store = Store::Open({.path = path});
        ASSERT_TRUE(store) << store.error().what;
        const Batch batch = BatchOf({At(1, "j" + std::to_string(i), JobBegin{})}, 7, "runner-" + std::to_string(i));
        const auto stored = (*store)->Append(std::span(&batch, 1));
        ASSERT_TRUE(stored) << stored.error().what;
      });
    }
    for (std::thread& opener : openers) opener.join();
    EXPECT_EQ(Store::Open({.path = path}).value()->ListJobs(0, 10)->jobs.size(), 8U);
  }
}

TEST_F(StoreTest, AcknowledgesNoMoreThanTheBatchItGot) {
  // What lies behind a hole is stored, but its sensor still has to send what fills the hole.
  Append(BatchOf({At(1, "j", JobBegin{}), At(5, "j", FlowOf(10, "192.0.2.5"))}));
  EXPECT_EQ(Append(BatchOf({At(2, "j", FlowOf(10, "192.0.2.2"))})).durable_sequence, 2U);
  EXPECT_EQ(Append(BatchOf({At(3, "j", FlowOf(10, "192.0.2.3")), At(4, "j", FlowOf(10, "192.0.2.4"))})),
            (Appended{4, 2, 0, 0}));
}

/// Overwrites the root page of a table: what a broken disk does.
void Spoil(const fs::path& path, const std::string& table) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  std::int64_t page = 0;
  const auto take = [](void* to, int, char** values, char**) {
    *static_cast<std::int64_t*>(to) = std::atoll(values[0]);
    return 0;
  };
  const std::string sql = "SELECT rootpage FROM sqlite_master WHERE name = '" + table + "'";
  ASSERT_EQ(sqlite3_exec(handle, sql.c_str(), take, &page, nullptr), SQLITE_OK);
  sqlite3_close(handle);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp((page - 1) * 4096);
  file << std::string(4096, '\xff');
}

TEST_F(StoreTest, BlamesItselfAndNotTheSensorWhenTheDatabaseIsDamaged) {
  Append(ThreeEvents());
  store_.reset();
  Spoil(path_, "flows");
  Open();
  const Batch next = BatchOf({At(4, "j", FlowOf(10, "192.0.2.4"))});
  const auto outcome = store_->Append(std::span(&next, 1));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kUnavailable) << outcome.error().what;
  const auto listed = store_->ListFlows({.job_id = "j"});
  ASSERT_FALSE(listed);
  EXPECT_EQ(listed.error().code, Code::kUnavailable) << listed.error().what;
}

TEST_F(StoreTest, SaysNotFoundForAnUnknownJob) {
  EXPECT_EQ(store_->LoadJob("none", {}).error().code, Code::kNotFound);
  EXPECT_EQ(store_->ListFlows({.job_id = "none"}).error().code, Code::kNotFound);
  EXPECT_EQ(store_->ListProcesses("none", 1).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace weir::store
