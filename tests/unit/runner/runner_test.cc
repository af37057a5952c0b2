// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "policy/compile.h"
#include "policy/explain.h"
#include "policy/policy.h"
#include "sensor/runner/enrolment.h"
#include "sensor/runner/job_policy.h"
#include "sensor/runner/worker.h"

namespace weir::runner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RunnerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-runner-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = fs::canonical(name);
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path Write(const fs::path& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
    return root_ / name;
  }

  /// A process as /proc shows it; its owner is whoever runs the test.
  void Process(pid_t pid, pid_t parent, const fs::path& executable) const {
    const fs::path directory = fs::path("proc") / std::to_string(pid);
    Write(directory / "stat", std::to_string(pid) + " (a) name) S " + std::to_string(parent) +
                                  " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 " + std::to_string(1000 + pid) + " 0\n");
    fs::create_symlink(executable, root_ / directory / "exe");
  }

  [[nodiscard]] Enrolment RunnerIn(const fs::path& directory) const {
    Enrolment enrolment;
    enrolment.directory = directory;
    enrolment.uid = ::getuid();
    return enrolment;
  }

  static std::string Verdict(const JobPolicy& policy, const std::string& endpoint, const std::string& process = "") {
    const policy::LoadResult loaded = policy::LoadText(policy.text, "policy");
    const policy::CompileResult compiled = policy::Compile(loaded.policy);
    const auto explanation = policy::Explain(compiled.policy, {endpoint, process});
    return loaded.ok() && compiled.ok() && explanation ? explanation->verdict : "not valid";
  }

  fs::path root_;
};

TEST_F(RunnerTest, FindsTheNearestWorkerAboveTheCaller) {
  fs::create_directories(root_ / "a");
  Process(10, 1, root_ / "a/bin/Runner.Listener");
  Process(11, 10, root_ / "a/bin.2.300.0/Runner.Worker");
  Process(12, 11, "/usr/bin/bash");
  const auto worker = FindWorker(12, ::getuid(), {RunnerIn(root_ / "b"), RunnerIn(root_ / "a")}, root_ / "proc");
  ASSERT_TRUE(worker) << worker.error().what;
  EXPECT_EQ(worker->pid, 11);
  EXPECT_EQ(worker->start_ticks, 1011u);
  EXPECT_EQ(worker->enrolment, 1u);
}

TEST_F(RunnerTest, NobodyElseIsARunner) {
  fs::create_directories(root_ / "a");
  struct Row {
    const char* what;
    fs::path executable;
    uid_t uid;
  };
  pid_t pid = 20;
  for (const Row& row : {Row{"another name", root_ / "a/bin/Runner.Listener", ::getuid()},
                         Row{"another directory", root_ / "c/bin/Runner.Worker", ::getuid()},
                         Row{"below its work", root_ / "a/_work/bin/Runner.Worker", ::getuid()},
                         Row{"not in bin", root_ / "a/_work/Runner.Worker", ::getuid()},
                         Row{"another user", root_ / "a/bin/Runner.Worker", ::getuid() + 1}}) {
    Process(++pid, 1, row.executable);
    EXPECT_FALSE(FindWorker(pid, row.uid, {RunnerIn(root_ / "a")}, root_ / "proc")) << row.what;
  }
}

TEST_F(RunnerTest, DoesNotBelieveAFileThatOthersMayWrite) {
  const fs::path file = Write("runners/a.yml", "version: 1\n");
  ::chmod(file.c_str(), 0666);
  const auto loaded = LoadEnrolments(root_ / "runners");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kPrivilege);
}

TEST_F(RunnerTest, NamesEveryFaultOfAFile) {
  ::chmod(
      Write("runners/a.yml", "version: 2\ndirectory: here\nuser: root\npolicis: []\nendpoints: ['http://x']\n").c_str(),
      0644);
  const auto loaded = LoadEnrolments(root_ / "runners");
  ASSERT_FALSE(loaded);
  for (const char* fault : {"`version`", "`directory`", "`user`", "policis", "http://x"})
    EXPECT_THAT(loaded.error().what, HasSubstr(fault));
}

TEST(Pattern, StarStandsForAnything) {
  struct Row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  for (const Row& row : {Row{"*", "", true}, Row{"acme/*", "acme/app", true}, Row{"acme/*", "acme2/app", false},
                         Row{"*/app", "x/app", true}, Row{"a*b*c", "a-b-b-c", true}, Row{"a*b*c", "a-c-b", false},
                         Row{"ab*b", "ab", false}, Row{"", "", true}, Row{"app", "apps", false}})
    EXPECT_EQ(MatchesPattern(row.pattern, row.text), row.matches) << row.pattern << " " << row.text;
}

TEST(Choice, TheFirstThatFitsHolds) {
  Enrolment enrolment;
  enrolment.policies = {{"acme/app", "*", "release", "/a.yml", {}}, {"acme/*", "*", "*", "/b.yml", {}}};
  EXPECT_EQ(ChoosePolicy(enrolment, {{"repository", "acme/app"}, {"job", "release"}})->policy, "/a.yml");
  EXPECT_EQ(ChoosePolicy(enrolment, {{"repository", "acme/app"}, {"job", "test"}})->policy, "/b.yml");
  EXPECT_EQ(ChoosePolicy(enrolment, {{"repository", "other/app"}}), nullptr);
}

constexpr const char* kRepositorys = "version: 1\nmode: block\nallow: [example.org:443, example.net:443]\n";

TEST_F(RunnerTest, TheHostNarrowsWhatTheRepositoryAllows) {
  Enrolment enrolment;
  enrolment.policies = {
      {"*", "*", "*", Write("host.yml", "version: 1\nmode: block\nallow: all\ndeny: [example.net]\n"), {}}};
  enrolment.endpoints = {"api.example.com:443"};
  const JobPolicy policy = PolicyFor(enrolment, {}, kRepositorys, "/srv/r/bin/Runner.Worker");
  EXPECT_EQ(policy.refused, "");
  EXPECT_EQ(Verdict(policy, "example.org:443"), "allow");
  EXPECT_EQ(Verdict(policy, "example.net:443"), "deny");
  EXPECT_EQ(Verdict(policy, "api.example.com:443", "/srv/r/bin/Runner.Worker"), "allow");
  EXPECT_EQ(Verdict(policy, "api.example.com:443", "/usr/bin/curl"), "deny");
}

TEST_F(RunnerTest, WhatOutlivesAJobIsEndedUnlessTheHostKeepsIt) {
  struct Row {
    const char* what;
    const char* hosts;
    const char* repositorys;
    policy::Leftovers expected;
  };
  using enum policy::Leftovers;
  for (const Row& row : {Row{"nobody says", "", "", kKill}, Row{"the host keeps", "leftovers: report\n", "", kReport},
                         Row{"the repository would keep", "", "leftovers: report\n", kKill},
                         Row{"both keep", "leftovers: report\n", "leftovers: report\n", kReport},
                         Row{"the repository ends", "leftovers: report\n", "leftovers: kill\n", kKill}}) {
    Enrolment enrolment;
    const std::string hosts = "version: 1\nmode: block\nallow: [example.org:443]\n";
    enrolment.policies = {{"*", "*", "*", Write("host.yml", hosts + row.hosts), {}}};
    const JobPolicy policy = PolicyFor(enrolment, {}, kRepositorys + std::string(row.repositorys), "/srv/r/Worker");
    EXPECT_EQ(policy.refused, "") << row.what;
    EXPECT_EQ(policy::Compile(policy::LoadText(policy.text, "job").policy).policy.leftovers, row.expected) << row.what;
  }
  Enrolment alone;  // the repository's own list, and no host's
  alone.policies = {{"*", "*", "*", "", RepositoryPolicy::kNarrow}};
  const JobPolicy kept = PolicyFor(alone, {}, kRepositorys + std::string("leftovers: report\n"), "/srv/r/Worker");
  EXPECT_EQ(policy::Compile(policy::LoadText(kept.text, "job").policy).policy.leftovers, kReport);
}

TEST_F(RunnerTest, SaysThatAnAuditedJobIsRefusedNothing) {
  Enrolment enrolment;
  enrolment.policies = {{"*", "*", "*", Write("host.yml", "version: 1\nmode: audit\n"), {}}};
  const JobPolicy audited = PolicyFor(enrolment, {}, "", "/srv/r/bin/Runner.Worker");
  ASSERT_EQ(audited.warnings.size(), 1u);
  EXPECT_THAT(audited.warnings[0], HasSubstr("nothing of this job is refused; the host's policy is " + root_.string()));
  // A repository that blocks is held to its own.
  const JobPolicy own = PolicyFor(enrolment, {}, kRepositorys, "/srv/r/bin/Runner.Worker");
  EXPECT_EQ(Verdict(own, "example.com:443"), "deny");
  for (const std::string& warning : own.warnings) EXPECT_THAT(warning, testing::Not(HasSubstr("nothing of this job")));
}

TEST_F(RunnerTest, WithoutAValidPolicyOnlyTheRunnerItselfReachesAnything) {
  const fs::path host = Write("host.yml", "version: 1\nmode: block\nallow: [example.org:443]\n");
  const fs::path broken = Write("broken.yml", "version: 1\nallow: [example.org:443]\n");
  struct Row {
    const char* what;
    std::vector<PolicyChoice> policies;
    const char* repositorys;
  };
  for (const Row& row :
       {Row{"none chosen", {}, kRepositorys}, Row{"required", {{"*", "*", "*", host, RepositoryPolicy::kRequire}}, ""},
        Row{"neither", {{"*", "*", "*", "", RepositoryPolicy::kNarrow}}, ""},
        Row{"ignored, and none of the host", {{"*", "*", "*", "", RepositoryPolicy::kIgnore}}, kRepositorys},
        Row{"host's has a fault", {{"*", "*", "*", broken, RepositoryPolicy::kNarrow}}, ""},
        Row{"repository's has a fault", {{"*", "*", "*", host, RepositoryPolicy::kNarrow}}, "version: 1\n"}}) {
    Enrolment enrolment;
    enrolment.policies = row.policies;
    enrolment.endpoints = {"api.example.com:443"};
    const JobPolicy policy = PolicyFor(enrolment, {}, row.repositorys, "/srv/r/bin/Runner.Worker");
    EXPECT_NE(policy.refused, "") << row.what;
    EXPECT_EQ(Verdict(policy, "example.org:443"), "deny") << row.what;
    EXPECT_EQ(Verdict(policy, "api.example.com:443", "/srv/r/bin/Runner.Worker"), "allow") << row.what;
  }
}

}  // namespace
}  // namespace weir::runner
