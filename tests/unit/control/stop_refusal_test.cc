// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/stop_refusal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <thread>

namespace weir {
namespace {

namespace fs = std::filesystem;

// A systemd that counts how often it was told to read its units again, and what the drop-in said then.
class StopRefusalTest : public ::testing::Test {
 protected:
  StopRefusalTest() : directory_(::testing::TempDir() + "stop-refusal-" + std::to_string(::getpid())) {
    fs::create_directories(directory_);
    Systemctl("exit 0");
  }
  ~StopRefusalTest() override { fs::remove_all(directory_); }

  void Systemctl(const std::string& end) {
    const fs::path drop_in = directory_ / "weir-sensor.service.d/50-jobs-run.conf";
    std::ofstream(directory_ / "systemctl")
        << "#!/bin/sh\necho \"$1 $(grep -c RefuseManualStop=yes " << drop_in.string() << " 2>/dev/null)\" >> "
        << (directory_ / "told").string() << "\n"
        << end << "\n";
    ::chmod((directory_ / "systemctl").c_str(), 0755);
  }
  std::string Told() const {
    std::ifstream file(directory_ / "told");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  std::optional<StopRefusal> Start() {
    return std::optional<StopRefusal>(std::in_place, "weir-sensor.service", directory_,
                                      (directory_ / "systemctl").string());
  }
  // The sensor's loop, until systemd was told `lines` times and its answer was taken.
  Result<> Loop(StopRefusal& refusal, bool jobs_run, std::ptrdiff_t lines) {
    Result<> first;
    for (int i = 0; i < 500; ++i) {
      auto updated = refusal.Update(jobs_run);
      if (first && !updated) first = updated;
      const std::string told = Told();
      if (std::count(told.begin(), told.end(), '\n') >= lines && i > 20) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return first;
  }

  fs::path directory_;
};

TEST_F(StopRefusalTest, StandsWhileJobsRun) {
  auto refusal = Start();
  EXPECT_TRUE(Loop(*refusal, true, 1));
  EXPECT_TRUE(fs::exists(refusal->drop_in()));
  EXPECT_EQ(Told(), "daemon-reload 1\n") << "once, not each time";
  EXPECT_TRUE(Loop(*refusal, false, 2));
  EXPECT_FALSE(fs::exists(refusal->drop_in()));
  EXPECT_EQ(Told(), "daemon-reload 1\ndaemon-reload \n");
}

TEST_F(StopRefusalTest, TellsNobodyWithoutJobs) {
  auto refusal = Start();
  EXPECT_TRUE(Loop(*refusal, false, 0));
  EXPECT_EQ(Told(), "");
}

TEST_F(StopRefusalTest, OutlivesASensorThatIsKilledAndIsTakenOver) {
  {
    auto killed = Start();
    EXPECT_TRUE(Loop(*killed, true, 1));
  }
  auto next = Start();
  EXPECT_TRUE(fs::exists(next->drop_in()));
  EXPECT_TRUE(Loop(*next, true, 1));
  EXPECT_EQ(Told(), "daemon-reload 1\n") << "systemd knows it already";
  EXPECT_TRUE(Loop(*next, false, 2));
  EXPECT_FALSE(fs::exists(next->drop_in()));
}

TEST_F(StopRefusalTest, SaysThatSystemdDoesNotListenAndTriesAgain) {
  Systemctl("exit 1");
  auto refusal = Start();
  auto failed = Loop(*refusal, true, 1);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().what, testing::HasSubstr("not refused"));
  Systemctl("exit 0");
  static_cast<void>(Loop(*refusal, true, 4));  // the last failure may be told here
  EXPECT_TRUE(Loop(*refusal, true, 4));
}

TEST_F(StopRefusalTest, KeepsOthersDropIns) {
  fs::create_directories(directory_ / "weir-sensor.service.d");
  std::ofstream(directory_ / "weir-sensor.service.d/10-admin.conf") << "[Unit]\n";
  auto refusal = Start();
  EXPECT_TRUE(Loop(*refusal, true, 1));
  EXPECT_TRUE(Loop(*refusal, false, 2));
  EXPECT_TRUE(fs::exists(directory_ / "weir-sensor.service.d/10-admin.conf"));
}

TEST(StopRefusal, IsNothingWithoutAUnit) {
  StopRefusal refusal("", "/nonexistent", "/nonexistent/systemctl");
  EXPECT_TRUE(refusal.Update(true));
}

}  // namespace
}  // namespace weir
