// SPDX-License-Identifier: Apache-2.0
// Files and includes: what is read, and what must not be.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "policy/render.h"
#include "tests/unit/policy/helpers.h"

namespace weir::policy {
namespace {

namespace fs = std::filesystem;

const std::string kIncluded = "version: 1\nallow: [common.example.org]\n";

std::string Including(std::string_view path) {
  return "version: 1\nmode: block\nallow: [a.org]\ninclude: [" + std::string(path) + "]\n";
}

// The first fault of `result`, or an empty one.
Fault First(const LoadResult& result) { return result.faults.empty() ? Fault{} : result.faults[0]; }

class Repository : public testing::Test {
 protected:
  Repository() {
    std::string pattern = (fs::temp_directory_path() / "weir-policy-XXXXXX").string();
    base_ = mkdtemp(pattern.data());
    root_ = base_ / "repo";
    fs::create_directories(root_ / ".github/egress");
  }
  ~Repository() override { fs::remove_all(base_); }

  void Write(const fs::path& path, std::string_view text) const { std::ofstream(path, std::ios::binary) << text; }
  [[nodiscard]] LoadResult Load(std::string_view text) const {
    Write(root_ / ".github/egress.yml", text);
    return LoadFile(root_ / ".github/egress.yml", root_);
  }

  fs::path base_, root_;
};

TEST_F(Repository, IncludesAreRelativeToTheFile) {
  Write(root_ / ".github/egress/common.yml", kIncluded);
  const LoadResult loaded = Load(Including("egress/common.yml"));
  ASSERT_TRUE(loaded.ok()) << FormatFaults(loaded.faults, *loaded.policy.sources);
  ASSERT_EQ(loaded.policy.rules.size(), 2u);
  EXPECT_EQ(loaded.policy.rules[1].at, (Position{".github/egress/common.yml", 2, 9}));
  EXPECT_EQ(loaded.policy.file, ".github/egress.yml");
}

TEST_F(Repository, AnIncludeWrittenFromTheRootIsToldTheRule) {
  Write(root_ / ".github/egress/common.yml", kIncluded);
  const LoadResult loaded = Load(Including(".github/egress/common.yml"));
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(First(loaded).suggestion, testing::HasSubstr("relative to the file"));
  EXPECT_EQ(First(loaded).line, 4);
  EXPECT_EQ(First(loaded).column, 11);
}

TEST_F(Repository, ASymbolicLinkOutIsRefused) {
  Write(base_ / "secret.yml", "version: 1\nallow: [leak.example.org]\n");
  fs::create_symlink(base_ / "secret.yml", root_ / ".github/link.yml");
  const LoadResult loaded = Load(Including("link.yml"));
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(First(loaded).reason, testing::HasSubstr("outside the repository"));
  EXPECT_THAT(FormatFaults(loaded.faults, *loaded.policy.sources), testing::Not(testing::HasSubstr("leak")));
}

TEST_F(Repository, ALinkedFolderOutIsRefused) {
  fs::create_directories(base_ / "other");
  Write(base_ / "other/x.yml", kIncluded);
  fs::create_directory_symlink(base_ / "other", root_ / ".github/other");
  EXPECT_THAT(First(Load(Including("other/x.yml"))).reason, testing::HasSubstr("outside the repository"));
}

TEST_F(Repository, ASymbolicLinkWithinIsFollowed) {
  Write(root_ / "real.yml", kIncluded);
  fs::create_symlink(root_ / "real.yml", root_ / ".github/link.yml");
  const LoadResult loaded = Load(Including("link.yml"));
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.policy.rules[1].at.file, "real.yml");
}

TEST_F(Repository, AFolderWhoseNameBeginsLikeTheRootIsOutside) {
  fs::create_directories(base_ / "repo-evil");
  Write(base_ / "repo-evil/x.yml", kIncluded);
  fs::create_symlink(base_ / "repo-evil/x.yml", root_ / ".github/x.yml");
  EXPECT_THAT(First(Load(Including("x.yml"))).reason, testing::HasSubstr("outside the repository"));
}

TEST_F(Repository, ALoopIsRefusedAlsoThroughALink) {
  fs::create_symlink("egress.yml", root_ / ".github/again.yml");
  EXPECT_THAT(First(Load(Including("egress.yml"))).reason, testing::HasSubstr("a loop"));
  EXPECT_THAT(First(Load(Including("again.yml"))).reason, testing::HasSubstr("a loop"));
}

TEST_F(Repository, AFifoDoesNotHang) {
  ASSERT_EQ(mkfifo((root_ / ".github/fifo.yml").c_str(), 0600), 0);
  EXPECT_THAT(First(Load(Including("fifo.yml"))).reason, testing::HasSubstr("not a regular file"));
}

TEST_F(Repository, AMissingFileIsAFaultWithoutLine) {
  const LoadResult loaded = LoadFile(root_ / "none.yml", root_);
  ASSERT_EQ(loaded.faults.size(), 1u);
  EXPECT_EQ(loaded.faults[0].line, 0);
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.faults[0].suggestion, testing::HasSubstr("weir policy suggest"));
}

TEST_F(Repository, AFolderIsNoPolicy) { EXPECT_FALSE(LoadFile(root_, base_).ok()); }

TEST_F(Repository, WithoutARootTheFolderOfTheFileIsTheRoot) {
  Write(base_ / "x.yml", kIncluded);
  Write(root_ / "egress.yml", Including("../x.yml"));
  EXPECT_THAT(First(LoadFile(root_ / "egress.yml")).reason, testing::HasSubstr("out of the repository"));
}

TEST(Includes, ALoopOfTwoNamesTheIncludeThatClosesIt) {
  const LoadResult loaded =
      LoadText(Including("a.yml"), "egress.yml",
               ReaderOf({{"a.yml", "version: 1\ninclude: [egress.yml]\n"}, {"egress.yml", Including("a.yml")}}));
  EXPECT_THAT(First(loaded).reason, testing::HasSubstr("a loop"));
  EXPECT_EQ(First(loaded).file, "a.yml");
}

TEST(Includes, AreBoundedInDepth) {
  std::map<std::string, std::string> files;
  for (int i = 0; i < 20; ++i) {
    files[std::to_string(i) + ".yml"] = "version: 1\ninclude: [" + std::to_string(i + 1) + ".yml]\n";
  }
  EXPECT_THAT(First(LoadText(Including("0.yml"), "egress.yml", ReaderOf(files))).reason,
              testing::HasSubstr("nested deeper than 8"));
}

TEST(Includes, AreBoundedInNumber) {
  std::map<std::string, std::string> files;
  std::string list;
  for (int i = 0; i < 100; ++i) {
    files[std::to_string(i) + ".yml"] = kIncluded;
    list += (i > 0 ? ", " : "") + std::to_string(i) + ".yml";
  }
  EXPECT_THAT(First(LoadText(Including(list), "egress.yml", ReaderOf(files))).reason,
              testing::HasSubstr("more than 64 includes"));
}

TEST(Includes, AreBoundedInSizeTogether) {
  const std::string big(kMaxPolicyBytes / 2, '#');
  const LoadResult loaded =
      LoadText(Including("a.yml, b.yml, c.yml"), "egress.yml",
               ReaderOf({{"a.yml", kIncluded + big}, {"b.yml", kIncluded + big}, {"c.yml", kIncluded}}));
  EXPECT_THAT(First(loaded).reason, testing::HasSubstr("larger than 16 MiB"));
}

TEST(Includes, HoldListsOnly) {
  const LoadResult loaded =
      LoadText(Including("a.yml"), "egress.yml", ReaderOf({{"a.yml", "version: 1\nmode: audit\nallow: [b.org]\n"}}));
  EXPECT_FALSE(loaded.ok());
  EXPECT_EQ(First(loaded).file, "a.yml");
  EXPECT_EQ(First(loaded).line, 2);
  EXPECT_EQ(loaded.policy.mode, Mode::kBlock) << "an included file must never change the mode";
}

TEST(Includes, OfOneFileTwiceIsAWarning) {
  const LoadResult loaded = LoadText(Including("a.yml, ./a.yml"), "egress.yml", ReaderOf({{"a.yml", kIncluded}}));
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(First(loaded).reason, testing::HasSubstr("included twice"));
  EXPECT_EQ(loaded.policy.rules.size(), 2u);
}

TEST(Render, AWholePolicyReadsBackTheSame) {
  const std::string text = Block(
      "allow:\n  - a.org\n  - {endpoint: b.org, process: [npm, /usr/bin/x], reason: \"a \\\"b\\\" \\\\ c\", expires: "
      "2030-01-01}\n"
      "deny: [10.0.0.0/8]\ndns: {resolvers: [192.0.2.53], max_age: 90s}\nguard: {tun: allow}\n"
      "sockets: {/run/a.sock: allow}\non_deny: fail\nleftovers: kill\njobs:\n  \"my: job\": {allow: none}\n  other: "
      "{mode: audit, leftovers: report, "
      "guard: {bpf: report}, sockets: {/run/b.sock: deny}}\n");
  const ParsedPolicy first = MustLoad(text);
  const std::string rendered = RenderPolicy(first);
  const ParsedPolicy second = MustLoad(rendered);
  EXPECT_EQ(RenderPolicy(second), rendered);
  ASSERT_EQ(second.rules.size(), 3u);
  EXPECT_EQ(second.rules[1].reason, "a \"b\" \\ c");
  ASSERT_EQ(second.jobs.size(), 2u);
  EXPECT_EQ(second.jobs[0].name, "my: job");
  EXPECT_TRUE(second.jobs[0].allow_none);
  EXPECT_EQ(second.jobs[1].guard.at("bpf"), "report");
  EXPECT_EQ(second.sockets.at("/run/a.sock"), "allow");
  EXPECT_EQ(second.leftovers, Leftovers::kKill);
  EXPECT_EQ(second.jobs[1].leftovers, Leftovers::kReport);
  EXPECT_EQ(second.jobs[1].sockets.at("/run/b.sock"), "deny");
}

}  // namespace
}  // namespace weir::policy
