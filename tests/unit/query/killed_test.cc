// SPDX-License-Identifier: Apache-2.0
// The real program, killed -9 again and again while a sensor's real uplink streams into it.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

#include "collector/store/store.h"
#include "sensor/uplink/uplink.h"
#include "weir/v1/event.pb.h"

extern char** environ;

namespace weir {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kKills = 12;
constexpr std::uint64_t kEpoch = 7;

class CollectorKilled : public testing::Test {
 protected:
  CollectorKilled() {
    std::string pattern = fs::temp_directory_path() / "weir-killed-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
  }
  ~CollectorKilled() override {
    if (pid_ > 0) Stop(SIGKILL);
    fs::remove_all(directory_);
  }

  std::string Socket() const { return "unix:" + (directory_ / "collector.sock").string(); }
  fs::path Database() const { return directory_ / "weir.db"; }

  void Start() {
    std::string db = Database();
    std::string listen = Socket();
    char program[] = WEIR_COLLECTOR;
    char db_flag[] = "--db", listen_flag[] = "--listen", level_flag[] = "--log-level", level[] = "warn";
    char* argv[] = {program, db_flag, db.data(), listen_flag, listen.data(), level_flag, level, nullptr};
    ASSERT_EQ(::posix_spawn(&pid_, program, nullptr, nullptr, argv, environ), 0);
  }
  void Stop(int signal) {
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }

  /// First column of the first row, from a database that nobody serves.
  std::uint64_t Number(const char* sql) {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(Database().c_str(), &handle), SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    const bool row = sqlite3_step(statement) == SQLITE_ROW;
    const auto number = row ? static_cast<std::uint64_t>(sqlite3_column_int64(statement, 0)) : 0;
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return number;
  }

  std::unique_ptr<uplink::Uplink> Connect() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 50);
    uplink::UplinkConfig config;
    config.sensor = "runner-1";
    config.epoch = kEpoch;
    config.window_bytes = 1u << 30;  // there is always room
    config.backoff_first = 10ms;
    config.backoff_max = 50ms;
    return uplink::Uplink::Create(config,
                                  grpc::CreateCustomChannel(Socket(), grpc::InsecureChannelCredentials(), arguments))
        .value();
  }

  fs::path directory_;
  pid_t pid_ = -1;
};

events::Outgoing ForkOf(std::uint64_t sequence) {
  v1::Event event;
  event.set_sequence(sequence);
  event.set_time_ns(static_cast<std::int64_t>(sequence));
  event.set_job_id("job-1");
  event.mutable_fork()->set_exec_id(1);
  return {sequence, events::Importance::kPlain, event.SerializeAsString()};
}

TEST_F(CollectorKilled, LosesNothingThatItAcknowledgedAndStoresEverythingOnce) {
  Start();
  const auto uplink = Connect();
  std::atomic<bool> enough = false;
  std::uint64_t sent = 0;
  std::thread sensor([&] {
    while (!enough) {
      for (int i = 0; i < 100; ++i) uplink->Append(ForkOf(++sent));
      std::this_thread::sleep_for(1ms);
    }
  });
  for (int kill = 0; kill < kKills; ++kill) {
    // In the middle of the stream: after some more was acknowledged, at another moment each time.
    const std::uint64_t before = uplink->Status().acknowledged;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (uplink->Status().acknowledged == before && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_GT(uplink->Status().acknowledged, before);
    std::this_thread::sleep_for(std::chrono::milliseconds(kill * 3));
    Stop(SIGKILL);
    const std::uint64_t acknowledged = uplink->Status().acknowledged;
    const std::uint64_t stored = Number("SELECT COUNT(*) FROM forks");
    EXPECT_GE(stored, acknowledged);
    EXPECT_EQ(stored, Number("SELECT last_sequence FROM streams"));
    Start();
  }
  enough = true;
  sensor.join();
  const auto durable = uplink->WaitDurable(sent, 30s);
  EXPECT_TRUE(durable) << durable.error().what;
  EXPECT_GE(uplink->Status().reconnects, 1U);
  Stop(SIGTERM);
  EXPECT_EQ(Number("SELECT COUNT(*) FROM forks"), sent);
  EXPECT_EQ(Number("SELECT COUNT(DISTINCT sequence) FROM forks"), sent);
  EXPECT_EQ(Number("SELECT events FROM streams"), sent);
  EXPECT_TRUE(store::Store::Open({.path = Database()}).value()->SequenceGaps("runner-1")->empty());
}

}  // namespace
}  // namespace weir
