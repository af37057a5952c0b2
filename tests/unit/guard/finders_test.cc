// SPDX-License-Identifier: Apache-2.0
// Who is protected and which sockets are deputies, found in a file tree of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/guard/deputies.h"
#include "sensor/guard/helpers.h"
#include "sensor/guard/runner.h"

namespace weir::guard {
namespace {

namespace fs = std::filesystem;

class Tree : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/weir-guard-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void File(const fs::path& path, const std::string& text = "") {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void Socket(const fs::path& path) {
    fs::create_directories((root_ / path).parent_path());
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, (root_ / path).c_str(), sizeof(at.sun_path) - 1);
    const Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
  }
  void Process(const std::string& pid, const std::string& comm, const fs::path& executable) {
    File("proc/" + pid + "/comm", comm + "\n");
    fs::create_symlink(root_ / executable, root_ / "proc" / pid / "exe");
  }
  fs::path root_;
};

TEST_F(Tree, DeputiesAreSocketsAtKnownPlaces) {
  Socket("run/docker.sock");
  Socket("run/user/1000/bus");
  Socket("run/mine/app.sock");
  File("run/dbus/system_bus_socket", "a file is no socket");
  const Deputy engine{root_ / "run/docker.sock", false}, bus{root_ / "run/user/1000/bus", true};
  EXPECT_THAT(FindDeputies(root_), testing::UnorderedElementsAre(engine, bus));
}

TEST(Deputies, NameServicesAreToldFromWhatAProgramMustMean) {
  EXPECT_TRUE(IsNameService("/run/nscd/socket"));
  EXPECT_TRUE(IsNameService("/run/systemd/userdb/io.systemd.DynamicUser"));
  EXPECT_TRUE(IsNameService("/run/systemd/resolve/io.systemd.Resolve"));
  EXPECT_FALSE(IsNameService("/run/docker.sock"));
  EXPECT_FALSE(IsNameService("/run/systemd/private"));
  EXPECT_FALSE(IsNameService("/run/dbus/system_bus_socket"));
}

TEST_F(Tree, HelpersAreWhatTheKernelIsSetToStartAndTheTablesOfWhoStartsOthers) {
  File("usr/bin/kmod");
  fs::create_directories(root_ / "usr/sbin");
  fs::create_symlink(root_ / "usr/bin/kmod", root_ / "usr/sbin/modprobe");
  File("usr/lib/coredump");
  File("kernel/modprobe", "/usr/sbin/modprobe\n");
  File("kernel/core_pattern", "|/usr/lib/coredump %P %u\n");
  File("kernel/poweroff_cmd", "/sbin/gone\n");
  File("etc/crontab");
  File("etc/cron.d/job");
  fs::create_symlink("/home", root_ / "etc/cron.hourly");
  std::vector<std::string> found;
  for (const HelperFile& helper : FindHelpers(root_, root_ / "kernel"))
    found.push_back(helper.path.string() + (helper.is_directory ? "/" : ""));
  EXPECT_THAT(found, testing::UnorderedElementsAre(
                         (root_ / "usr/sbin/modprobe").string(), (root_ / "usr/lib/coredump").string(),
                         (root_ / "etc/crontab").string(), (root_ / "etc/cron.d").string() + "/"));
}

TEST_F(Tree, ACoreFileIsNoHelper) {
  File("kernel/core_pattern", "/usr/lib/core\n");
  File("usr/lib/core");
  EXPECT_THAT(FindHelpers(root_, root_ / "kernel"), testing::IsEmpty());
}

TEST_F(Tree, TheRunnerIsFoundByItsProcessesAndItsFilesBesideThem) {
  Process("41", "Runner.Listener", "srv/runner/bin/Runner.Listener");
  Process("42", "Runner.Worker", "srv/runner/bin/Runner.Worker");
  Process("43", "Runner.Other", "srv/other/bin/Runner.Other");
  File("proc/44x/comm", "Runner.Worker\n");
  for (const char* name : {".credentials", ".env", "README"}) File(fs::path("srv/runner") / name);
  File("srv/other/.credentials");
  Process("45", "Runner.Worker", "tmp/evil/bin/Runner.Worker");
  File("tmp/evil/.credentials");
  fs::create_symlink(root_ / "tmp/evil/.credentials", root_ / "srv/runner/.runner");
  const Runner runner = FindRunner([](pid_t pid) { return pid == 45; }, root_ / "proc");
  EXPECT_THAT(runner.processes, testing::UnorderedElementsAre(41, 42));
  ASSERT_EQ(runner.files.size(), 2u) << "nothing that a job put there, and nothing where a link leads";
  EXPECT_EQ(runner.files[0].path, root_ / "srv/runner/.credentials");
  EXPECT_FALSE(runner.files[0].readable) << "secrets are not even read";
  EXPECT_EQ(runner.files[1].path, root_ / "srv/runner/.env");
  EXPECT_TRUE(runner.files[1].readable);
}

TEST_F(Tree, WithoutRunnerThereIsNothing) {
  const Runner runner = FindRunner([](pid_t) { return false; }, root_ / "proc");
  EXPECT_TRUE(runner.processes.empty());
  EXPECT_TRUE(runner.files.empty());
}

}  // namespace
}  // namespace weir::guard
