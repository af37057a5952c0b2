// SPDX-License-Identifier: Apache-2.0
#include "settings/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

namespace weir {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A daemon's options, as a program has them.
class SettingsFile : public ::testing::Test {
 protected:
  SettingsFile() : file_(::testing::TempDir() + "settings-" + std::to_string(::getpid()) + ".yml") {}
  ~SettingsFile() override { std::filesystem::remove(file_); }

  Result<> Read(const std::string& text, const std::vector<std::string>& flags = {}) {
    std::ofstream(file_) << text;
    return Parse(file_, flags);
  }
  Result<> Parse(const std::string& usual, std::vector<std::string> flags) {
    CLI::App app("a daemon", "daemon");
    app.set_version_flag("--version", std::string("1"));
    AddSettingsOption(app, usual);
    app.add_option("--pin-dir", pin_dir)->type_name("DIR")->capture_default_str();
    app.add_option("--listen", listen);
    app.add_option("--jobs", jobs)->check(CLI::Range(1, 64));
    app.add_option("--max-bytes", bytes)->transform(CLI::AsSizeValue(false));
    app.add_flag("--insecure", insecure);
    app.add_flag("--check-config", check);
    std::reverse(flags.begin(), flags.end());
    app.parse(flags);
    return ReadSettings(app);
  }

  std::string file_;
  std::string pin_dir = "/usual";
  std::vector<std::string> listen = {"unix:/usual"};
  int jobs = 8;
  std::uint64_t bytes = 0;
  bool insecure = false, check = false;
};

TEST_F(SettingsFile, GivesValuesToOptionsAsTheCommandLineDoes) {
  auto read = Read("pin_dir: /sys/fs/bpf/x\nlisten: [unix:/a, 127.0.0.1:9]\nmax_bytes: 2KiB\ninsecure: true\n");
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(pin_dir, "/sys/fs/bpf/x");
  EXPECT_THAT(listen, ElementsAre("unix:/a", "127.0.0.1:9"));
  EXPECT_EQ(bytes, 2048u);
  EXPECT_TRUE(insecure);
  EXPECT_EQ(jobs, 8) << "the default";
}

TEST_F(SettingsFile, LeavesTheLastWordToTheCommandLine) {
  ASSERT_TRUE(Read("pin_dir: /file\nlisten: unix:/file\njobs: 2\n", {"--pin-dir", "/flag", "--listen", "unix:/flag"}));
  EXPECT_EQ(pin_dir, "/flag");
  EXPECT_THAT(listen, ElementsAre("unix:/flag"));
  EXPECT_EQ(jobs, 2);
}

TEST_F(SettingsFile, FindsAFaultThatTheCommandLineCovers) { EXPECT_FALSE(Read("jobs: 99\n", {"--jobs", "4"})); }

TEST_F(SettingsFile, TakesEmptyTextInQuotesForNothing) {
  ASSERT_TRUE(Read("pin_dir: \"\"\n"));
  EXPECT_EQ(pin_dir, "");
}

TEST_F(SettingsFile, NamesEveryFaultAtOnceWithItsPlace) {
  auto read = Read("pin_dri: /x\njobs: 99\ncheck_config: true\nlisten: [a, [b]]\nconfig: /y\njobs: 3\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kInvalid);
  EXPECT_THAT(read.error().what,
              AllOf(HasSubstr(file_ + ":1:1: error: unknown key `pin_dri`"), HasSubstr("did you mean `pin_dir`?"),
                    HasSubstr(":2:7: error: --jobs"), HasSubstr(":3:1: error: unknown key `check_config`"),
                    HasSubstr(":4:13: error"), HasSubstr(":5:1: error: unknown key `config`"),
                    HasSubstr(":6:1: error: the key `jobs` stands twice")));
  EXPECT_THAT(read.error().what, Not(HasSubstr("version")));
}

TEST_F(SettingsFile, RefusesWhatIsNoYaml) { EXPECT_FALSE(Read("jobs: [1\n\tx")); }

TEST_F(SettingsFile, LeavesEverythingAsItIsWithoutValues) {
  EXPECT_TRUE(Read("# pin_dir: /x\n"));
  EXPECT_EQ(pin_dir, "/usual");
}

TEST_F(SettingsFile, NeedNotExistUnlessItWasNamed) {
  EXPECT_TRUE(Parse("/nonexistent/settings.yml", {}));
  auto named = Parse("/nonexistent/settings.yml", {"--config", "/nonexistent/other.yml"});
  ASSERT_FALSE(named);
  EXPECT_THAT(named.error().what, HasSubstr("/nonexistent/other.yml: error: cannot be read"));
}

}  // namespace
}  // namespace weir
