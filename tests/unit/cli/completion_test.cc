// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/args/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "collector/cli/commands/program.h"

namespace weir::cli {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

// What bash would offer for the words, the last of which is being completed.
std::vector<std::string> Offered(const std::vector<std::string>& words) {
  std::string script = BashCompletion(ProgramTree()) + "\nCOMP_WORDS=(";
  for (const auto& word : words) script += " '" + word + "'";
  script += " )\nCOMP_CWORD=" + std::to_string(words.size() - 1) +
            "\ncompopt() { :; }\n_weir\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n";
  // A file of its own for each call: ctest runs the tests of this program side by side, each in a process.
  std::string path = testing::TempDir() + "weir-completion-XXXXXX";
  const int fd = ::mkstemp(path.data());
  EXPECT_EQ(::write(fd, script.data(), script.size()), static_cast<ssize_t>(script.size()));
  ::close(fd);
  std::FILE* pipe = popen(("bash --norc --noprofile " + path + " 2>&1").c_str(), "r");
  std::vector<std::string> lines;
  std::array<char, 4096> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) {
    std::string text(line.data());
    text.pop_back();
    if (!text.empty()) lines.push_back(text);
  }
  pclose(pipe);
  ::unlink(path.c_str());
  return lines;
}

TEST(BashCompletion, OffersCommandsThenTheirFlags) {
  EXPECT_THAT(Offered({"weir", ""}), IsSupersetOf({"run", "job", "egress", "policy", "doctor", "completion"}));
  EXPECT_THAT(Offered({"weir", "po"}), ElementsAre("policy"));
  EXPECT_THAT(Offered({"weir", "policy", ""}), IsSupersetOf({"check", "suggest", "explain", "diff"}));
  EXPECT_THAT(Offered({"weir", "run", "--fail"}), ElementsAre("--fail-on-deny"));
  EXPECT_THAT(Offered({"weir", "job", "list", "--"}), Contains("--all"));
}

TEST(BashCompletion, OffersTheValuesOfAFlag) {
  EXPECT_THAT(Offered({"weir", "run", "--mode", ""}), ElementsAre("audit", "block"));
  EXPECT_THAT(Offered({"weir", "report", "--format", ""}), ElementsAre("md", "html", "json", "sarif"));
  EXPECT_THAT(Offered({"weir", "run", "--policy", "/etc/host"}), Contains("/etc/hosts"));
}

TEST(BashCompletion, LeavesTheJobsCommandToTheShell) {
  EXPECT_THAT(Offered({"weir", "run", "--", "ech"}), Contains("echo"));
  EXPECT_THAT(Offered({"weir", "run", "--", "cat", "/etc/host"}), Contains("/etc/hosts"));
  EXPECT_THAT(Offered({"weir", "run", "--", "cat", "--mo"}), Not(Contains("--mode")));
}

void ExpectAll(const Node& node, const std::string& script, const std::string& shell, bool bare_flags) {
  for (const Flag& flag : node.flags) {
    for (const auto& name : flag.names) {
      const bool long_name = name.starts_with("--");
      const std::string bare = (long_name ? "-l " : "-s ") + name.substr(long_name ? 2 : 1);
      EXPECT_THAT(script, HasSubstr(bare_flags ? bare : name)) << shell;
    }
  }
  for (const Node& child : node.children) {
    EXPECT_THAT(script, HasSubstr(child.name)) << shell;
    ExpectAll(child, script, shell, bare_flags);
  }
}

TEST(Completion, KnowsEveryCommandAndFlagInEveryShell) {
  const Node tree = ProgramTree();
  ExpectAll(tree, BashCompletion(tree), "bash", false);
  ExpectAll(tree, ZshCompletion(tree), "zsh", false);
  ExpectAll(tree, FishCompletion(tree), "fish", true);
}

TEST(Completion, QuotesWhatDescriptionsHold) {
  Node tree{
      .name = "weir", .description = "", .flags = {}, .children = {{.name = "x", .description = "a job's `$(id)`"}}};
  EXPECT_THAT(ZshCompletion(tree), HasSubstr("'x:a job'\\''s `$'"));
  EXPECT_THAT(FishCompletion(tree), HasSubstr("-d 'a job\\'s `$'"));
}

}  // namespace
}  // namespace weir::cli
