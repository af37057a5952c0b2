// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/policy_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

class PolicyInput : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weir-policy-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }
  std::string File(const std::string& name, const std::string& text) {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
    return (dir_ / name).string();
  }
  fs::path dir_;
};

TEST_F(PolicyInput, WithoutAPolicyIsAudit) {
  const PolicyOutcome outcome = CheckPolicy({});
  EXPECT_TRUE(outcome.faults.empty());
  EXPECT_EQ(outcome.policy.mode, policy::Mode::kAudit);
  EXPECT_EQ(outcome.policy.text, "");
}

TEST_F(PolicyInput, BlocksWithAllowedEndpointsAlone) {
  const PolicyOutcome outcome = CheckPolicy({.file = "", .job = "", .mode = "block", .allow = {"example.org:443"}});
  EXPECT_TRUE(outcome.faults.empty());
  EXPECT_EQ(outcome.policy.mode, policy::Mode::kBlock);
}

TEST_F(PolicyInput, RefusesToBlockWithoutAnyRule) {
  EXPECT_EQ(CheckPolicy({.file = "", .job = "", .mode = "block", .allow = {}}).faults.size(), 1U);
}

TEST_F(PolicyInput, RefusesABadEndpointOnTheCommandLine) {
  const PolicyOutcome outcome = CheckPolicy({.file = "", .job = "", .mode = "", .allow = {"*.com"}});
  ASSERT_FALSE(outcome.faults.empty());
  EXPECT_EQ(outcome.faults[0].file, "--allow");
}

TEST_F(PolicyInput, RefusesMissingAndEmptyFiles) {
  EXPECT_FALSE(CheckPolicy({.file = (dir_ / "absent.yml").string()}).faults.empty());
  EXPECT_FALSE(CheckPolicy({.file = File("empty.yml", "")}).faults.empty());
}

TEST_F(PolicyInput, TheFlagGoesBeforeTheJobAndTheJobBeforeTheTop) {
  const std::string file = File("p.yml",
                                "version: 1\nmode: block\nallow: [example.org]\non_deny: fail\n"
                                "jobs:\n  gpu:\n    mode: audit\n");
  EXPECT_EQ(CheckPolicy({.file = file}).policy.mode, policy::Mode::kBlock);
  EXPECT_EQ(CheckPolicy({.file = file}).policy.on_deny, policy::OnDeny::kFail);
  EXPECT_EQ(CheckPolicy({.file = file, .job = "gpu"}).policy.mode, policy::Mode::kAudit);
  EXPECT_EQ(CheckPolicy({.file = file, .job = "gpu", .mode = "block"}).policy.mode, policy::Mode::kBlock);
}

TEST_F(PolicyInput, SaysWhenANamedJobHasNoEntry) {
  const auto policy =
      LoadPolicyFile(File("p.yml", "version: 1\nmode: audit\njobs:\n  build: {mode: block, allow: none}\n")).policy;
  EXPECT_EQ(NoteOnJob(policy, "build"), "");
  EXPECT_EQ(NoteOnJob(policy, ""), "");
  EXPECT_THAT(NoteOnJob(policy, "biuld"), testing::HasSubstr("did you mean `build`?"));
  EXPECT_THAT(NoteOnJob(policy, "deploy"), testing::HasSubstr("only the top level holds"));
  EXPECT_EQ(NoteOnJob(LoadPolicyFile(File("q.yml", "version: 1\nmode: audit\n")).policy, "deploy"), "");
}

TEST_F(PolicyInput, IncludesMayLieAnywhereInTheRepository) {
  fs::create_directory(dir_ / ".git");
  File("deploy/common.yml", "version: 1\nallow: [common.example.org]\n");
  const std::string file =
      File(".github/egress.yml", "version: 1\nmode: block\nallow: [example.org]\ninclude: [../deploy/common.yml]\n");
  const PolicyOutcome outcome = CheckPolicy({.file = file});
  for (const auto& fault : outcome.faults) ADD_FAILURE() << fault.reason;
  EXPECT_EQ(outcome.policy.text.find("deploy/"), std::string::npos);
  EXPECT_NE(outcome.policy.text.find("common.example.org"), std::string::npos) << "one text for the sensor";
}

}  // namespace
}  // namespace weir::cli
