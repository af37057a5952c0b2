// SPDX-License-Identifier: Apache-2.0
// Which service starts a runner, and the drop-in for it.
#include "collector/cli/host/runner_unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "collector/cli/host/output_file.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const Variables kHooks = {{"ACTIONS_RUNNER_HOOK_JOB_STARTED", "/etc/weir/hooks/job-started.sh"}};

class RunnerUnitTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-unit-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
    places_.units = {root_ / "etc", root_ / "usr", root_ / "none"};
    places_.drop_ins = root_ / "etc";
    runner_ = root_ / "srv/runner";
    for (const char* directory : {"etc", "usr", "srv/runner"}) fs::create_directories(root_ / directory);
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const fs::path& name, const std::string& text) const { std::ofstream(root_ / name) << text; }
  [[nodiscard]] std::string Read(const fs::path& name) const {
    return ReadWholeFile(root_ / name, 1 << 20).value_or("");
  }

  fs::path root_, runner_;
  UnitPlaces places_;
};

TEST_F(RunnerUnitTest, FindsServicesByWhatTheyRun) {
  fs::create_directory_symlink(runner_, root_ / "srv/link");
  struct Row {
    const char* what;
    std::string line;
    bool found;
  };
  for (const Row& row :
       {Row{"the directory", "WorkingDirectory=" + runner_.string(), true},
        Row{"with a slash", "WorkingDirectory=" + runner_.string() + "/", true},
        Row{"may be missing", "WorkingDirectory=-" + runner_.string(), true},
        Row{"by a link", "WorkingDirectory=" + (root_ / "srv/link").string(), true},
        Row{"a program in it", "ExecStart=" + runner_.string() + "/runsvc.sh --now", true},
        Row{"with marks", "ExecStart=@-" + runner_.string() + "/run.sh", true},
        Row{"another directory", "WorkingDirectory=" + runner_.string() + "2", false},
        Row{"below it", "WorkingDirectory=" + runner_.string() + "/_work", false},
        Row{"a program below it", "ExecStart=" + runner_.string() + "/_work/x.sh", false},
        Row{"a comment", "# WorkingDirectory=" + runner_.string(), false}, Row{"nothing", "ExecStart=", false}}) {
    Write("etc/actions.runner.a.service", "[Service]\n" + row.line + "\n");
    EXPECT_EQ(UnitsOf(runner_, places_).size(), row.found ? 1u : 0u) << row.what;
  }
}

TEST_F(RunnerUnitTest, TakesEachNameOnceAndServicesOnly) {
  for (const char* name : {"etc/a.service", "usr/a.service", "usr/b.service", "usr/a.timer", "etc/a b.service"})
    Write(name, "WorkingDirectory=" + runner_.string() + "\n");
  EXPECT_THAT(UnitsOf(runner_, places_), ElementsAre("a.service", "b.service"));
}

// The runner's user writes that file: it names nothing that root then writes.
TEST_F(RunnerUnitTest, DoesNotBelieveTheRunnersOwnNote) {
  Write("etc/ssh.service", "WorkingDirectory=/\n");
  Write("srv/runner/.service", "ssh.service\nmore\n");
  EXPECT_THAT(UnitsOf(runner_, places_), IsEmpty());
  EXPECT_EQ(NotedUnit(runner_), "ssh.service");
  fs::remove(runner_ / ".service");
  fs::create_symlink("/etc/passwd", runner_ / ".service");
  EXPECT_EQ(NotedUnit(runner_), "");
}

TEST_F(RunnerUnitTest, KnowsServicesAndTemplatesByName) {
  Write("usr/runner@.service", "");
  Write("etc/one.service", "");
  for (const char* name : {"one.service", "runner@1.service"}) EXPECT_TRUE(HasUnit(name, places_)) << name;
  for (const char* name : {"two.service", "one", "../etc/one.service", "", ".service"})
    EXPECT_FALSE(HasUnit(name, places_)) << name;
}

TEST_F(RunnerUnitTest, WritesTheDropInOnceAndTakesItAway) {
  const auto first = WriteDropIn("a.service", runner_, kHooks, places_);
  ASSERT_TRUE(first) << first.error().what;
  EXPECT_TRUE(*first);
  EXPECT_EQ(WriteDropIn("a.service", runner_, kHooks, places_), false);
  const std::string text = Read("etc/a.service.d/50-weir.conf");
  for (const char* line :
       {"After=weir-sensor.service\n", "Slice=weir-jobs.slice\n",
        "Environment=\"ACTIONS_RUNNER_HOOK_JOB_STARTED=/etc/weir/hooks/job-started.sh\"\n", "ExecStartPre=+/bin/sh"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_EQ(fs::status(root_ / "etc/a.service.d/50-weir.conf").permissions(), fs::perms(0644));
  EXPECT_EQ(RemoveDropIns(runner_, places_), std::vector<std::string>{"a.service"});
  EXPECT_FALSE(fs::exists(root_ / "etc/a.service.d"));
}

TEST_F(RunnerUnitTest, LeavesAloneWhatIsNotIts) {
  ASSERT_TRUE(WriteDropIn("a.service", runner_, kHooks, places_));
  ASSERT_TRUE(WriteDropIn("b.service", root_ / "srv/runner2", kHooks, places_));
  Write("etc/a.service.d/10-mine.conf", "[Service]\n");
  EXPECT_EQ(RemoveDropIns(runner_, places_), std::vector<std::string>{"a.service"});
  EXPECT_TRUE(fs::exists(root_ / "etc/a.service.d/10-mine.conf"));
  EXPECT_TRUE(fs::exists(root_ / "etc/b.service.d/50-weir.conf"));
}

TEST_F(RunnerUnitTest, QuotesWhatSystemdWouldRead) {
  ASSERT_TRUE(WriteDropIn("a.service", runner_, {{"NAME", "/etc/we%ir/\"x\""}}, places_));
  EXPECT_THAT(Read("etc/a.service.d/50-weir.conf"), HasSubstr(R"(Environment="NAME=/etc/we%%ir/\"x\"")"));
}

}  // namespace
}  // namespace weir::cli
