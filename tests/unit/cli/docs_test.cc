// SPDX-License-Identifier: Apache-2.0
// docs/cli.md does not fall behind the program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/cli/commands/program.h"
#include "collector/cli/host/output_file.h"

namespace weir::cli {
namespace {

std::string Page() {
  const auto page = ReadWholeFile(WEIR_SOURCE_DIR "/docs/cli.md", 1 << 20);
  EXPECT_TRUE(page) << page.error().what;
  return page.value_or("");
}

// The row of a command in the table of flags; for `weir run` its synopsis.
std::string Described(const std::string& page, const std::string& command) {
  const std::string key = command == "weir run" ? "\nweir run [" : "\n| `" + command;
  const std::size_t at = page.rfind(key);
  if (at == std::string::npos) return "";
  const std::size_t end = command == "weir run" ? page.find("```", at) : page.find('\n', at + 1);
  return page.substr(at, end - at);
}

void ExpectDescribed(const std::string& page, const Node& node, const std::string& name) {
  for (const Node& child : node.children) ExpectDescribed(page, child, name + " " + child.name);
  if (!node.children.empty()) return;
  const std::string described = Described(page, name);
  EXPECT_NE(described, "") << "docs/cli.md does not describe " << name;
  for (const Flag& flag : node.flags) {
    for (const auto& spelling : flag.names) {
      if (spelling == "-h" || spelling == "--help") continue;
      EXPECT_THAT(described, testing::HasSubstr(spelling)) << name;
    }
  }
}

TEST(Docs, DescribeEveryCommandAndFlag) { ExpectDescribed(Page(), ProgramTree(), "weir"); }

TEST(Docs, DescribeEveryExitCode) {
  for (const char* code : {"| 0 |", "| 1 |", "| 10 |", "| 64 |", "| 65 |", "| 69 |", "| 77 |"}) {
    EXPECT_THAT(Page(), testing::HasSubstr(code));
  }
}

}  // namespace
}  // namespace weir::cli
