// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/job_state.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bpf/abi.h"

namespace weir::jobs {
namespace {

namespace fs = std::filesystem;

JobState Example() {
  JobState state;
  state.boot_id = "3b1c";
  state.job_id = "20260817-093015123-q3k7x0v2md";
  state.scope_id = 7;
  state.name = "build";
  state.policy_text = "version: 1\nmode: block\n";
  state.mode = WEIR_MODE_BLOCK;
  state.allow = {"a.example.org"};
  state.labels = {{"repo", "x/y"}};
  state.command = {"make", "\xff\xfe not UTF-8"};
  state.compiled_on = "2026-08-17";
  state.cgroup_path = "/sys/fs/cgroup/weir/20260817-093015123-q3k7x0v2md";
  state.cgroup_id = 1234567890123;
  state.host = true;
  state.begin_time_ns = 1'700'000'000'000'000'000;
  state.armed = true;
  Canary canary;
  canary.verdict = canary.expected_verdict = WEIR_DENY;
  canary.proven = true;
  canary.netns_cookie = 0xffffffffffffffffull;
  state.canaries = {canary};
  state.segments = {{0xfedcba9876543210ull, 10, 1, 12, std::string(64, 'a')}};
  state.gaps = {{"sensor-down", 1, 2, 3}};
  state.events_read = 99;
  state.undelivered = {{"flow", 7}};
  state.dropped = {{"exec", 1}};
  return state;
}

class StateStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weir-state-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }
  void Put(const std::string& name, const std::string& bytes) const {
    std::ofstream(directory_ / "jobs" / name, std::ios::binary) << bytes;
  }
  fs::path directory_;
};

TEST(JobState, ComesBackFromJson) {
  auto again = JobStateFromJson(JobStateToJson(Example()));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(JobStateToJson(*again), JobStateToJson(Example()));
  EXPECT_EQ(again->cgroup_id, 1234567890123u);
  EXPECT_TRUE(again->host);
  EXPECT_EQ(again->canaries.at(0).netns_cookie, 0xffffffffffffffffull);
  EXPECT_EQ(again->segments, Example().segments);
  EXPECT_EQ(again->gaps, Example().gaps);
  EXPECT_EQ(again->undelivered, Example().undelivered);
}

TEST(JobState, RefusesEveryTornFile) {
  const std::string whole = JobStateToJson(Example());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(JobStateFromJson(std::string_view(whole).substr(0, length))) << length;
  }
}

TEST(JobState, RefusesMembersOfAnotherKind) {
  const auto json = nlohmann::json::parse(JobStateToJson(Example()));
  for (const auto& [key, value] : json.items()) {
    auto wrong = json;
    wrong[key] = value.is_array() || value.is_object() ? nlohmann::json(1) : nlohmann::json::array({nullptr});
    EXPECT_FALSE(JobStateFromJson(wrong.dump())) << key;
    wrong.erase(key);
    const bool added_later = key == "host" || key == "end_time_ns" || key == "exit_status" || key == "undelivered" ||
                             key == "worker_pid" || key == "worker_start_ticks";
    EXPECT_EQ(JobStateFromJson(wrong.dump()).has_value(), added_later) << key << " missing";
  }
}

TEST(JobState, RefusesValuesThatWouldBeDangerous) {
  const auto json = nlohmann::json::parse(JobStateToJson(Example()));
  for (const auto& [key, value] : {std::pair<const char*, nlohmann::json>{"job_id", "../../etc"},
                                   {"scope_id", 0},
                                   {"mode", 0},
                                   {"mode", 9},
                                   {"cgroup_id", 1e20},
                                   {"begin_time_ns", 0.5},
                                   {"schema", "weir.job-state.v9"}}) {
    auto wrong = json;
    wrong[key] = value;
    EXPECT_FALSE(JobStateFromJson(wrong.dump())) << key << " " << value.dump();
  }
}

TEST(JobState, TellsAnEndedJobFromOneThatRuns) {
  JobState state = Example();
  EXPECT_EQ(JobStateFromJson(JobStateToJson(state))->end_time_ns, 0);
  state.end_time_ns = 1'700'000'000'000'000'009;
  state.exit_status = 3;
  const auto again = JobStateFromJson(JobStateToJson(state));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->end_time_ns, state.end_time_ns);
  EXPECT_EQ(again->exit_status, 3);
}

TEST_F(StateStoreTest, SavesLoadsAndRemoves) {
  auto store = StateStore::Open(directory_);
  ASSERT_TRUE(store) << store.error().what;
  ASSERT_TRUE(store->Save(Example(), true));
  ASSERT_TRUE(store->Save(Example(), false));
  auto loaded = store->LoadAll();
  ASSERT_TRUE(loaded);
  ASSERT_EQ(loaded->jobs.size(), 1u);
  EXPECT_EQ(loaded->jobs[0].name, "build");
  EXPECT_TRUE(loaded->faults.empty());
  EXPECT_EQ(fs::status(directory_ / "jobs").permissions() & fs::perms::all, fs::perms::owner_all);
  ASSERT_TRUE(store->Remove(Example().job_id));
  EXPECT_TRUE(store->LoadAll()->jobs.empty());
}

TEST_F(StateStoreTest, SetsGarbageAside) {
  auto store = StateStore::Open(directory_);
  ASSERT_TRUE(store);
  ASSERT_TRUE(store->Save(Example(), true));
  Put("torn.json", "{\"schema\": \"weir.job-st");
  Put("empty.json", "");
  Put("other.json", JobStateToJson(Example()));  // names another job than the file
  Put("half.json.new", "{");                     // left by a crash in the middle of Save
  auto loaded = store->LoadAll();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->jobs.size(), 1u);
  EXPECT_EQ(loaded->faults.size(), 3u);
  EXPECT_TRUE(fs::exists(directory_ / "jobs" / "torn.json.bad"));
  EXPECT_TRUE(store->LoadAll()->faults.empty()) << "each is told once";
}

TEST_F(StateStoreTest, IsHeldByOneSensor) {
  auto store = StateStore::Open(directory_);
  ASSERT_TRUE(store);
  auto second = StateStore::Open(directory_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kExists);
}

TEST_F(StateStoreTest, KeepsTheNewestRecords) {
  auto store = StateStore::Open(directory_);
  ASSERT_TRUE(store);
  for (const char* id : {"20260101-a", "20260103-a", "20260102-a"}) ASSERT_TRUE(store->SaveRecord(id, "{}", 2));
  EXPECT_FALSE(fs::exists(directory_ / "records" / "20260101-a.json"));
  EXPECT_TRUE(fs::exists(directory_ / "records" / "20260102-a.json"));
  EXPECT_TRUE(fs::exists(directory_ / "records" / "20260103-a.json"));
  EXPECT_FALSE(store->SaveRecord("../x", "{}", 2));
  EXPECT_TRUE(store->HasRecord("20260103-a"));
  EXPECT_FALSE(store->HasRecord("20260101-a"));
}

TEST_F(StateStoreTest, KeepsTheRecordOfAJobThatOutlastedLaterOnes) {
  auto store = StateStore::Open(directory_);
  ASSERT_TRUE(store);
  for (const char* id : {"20260102-a", "20260103-a", "20260101-a"}) ASSERT_TRUE(store->SaveRecord(id, "{}", 2));
  EXPECT_TRUE(store->HasRecord("20260101-a")) << "the record that was just made";
}

TEST_F(StateStoreTest, RemovesWhatAKillInTheMiddleOfAWriteLeft) {
  ASSERT_TRUE(StateStore::Open(directory_));
  Put("half.json.new", "{");
  std::ofstream(directory_ / "records" / "half.json.new") << "{";
  auto store = StateStore::Open(directory_);
  ASSERT_TRUE(store);
  EXPECT_TRUE(fs::is_empty(directory_ / "jobs"));
  EXPECT_TRUE(fs::is_empty(directory_ / "records"));
}

}  // namespace
}  // namespace weir::jobs
