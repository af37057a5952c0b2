// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/git_objects.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

class GitObjects : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "weir-objects-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    Git("init -q");
    fs::create_directories(root_ / ".github");
    std::ofstream(root_ / ".github/egress.yml") << "version: 1\n";
    Git("add .");
    Git("-c user.name=x -c user.email=x@example.org commit -qm first");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Git(const std::string& rest) const {
    ASSERT_EQ(std::system(("git -C '" + root_.string() + "' " + rest + " >'" + root_.string() + "/out'").c_str()), 0);
  }
  std::string Name(const std::string& what) const {
    Git("rev-parse " + what);
    std::string name;
    std::ifstream(root_ / "out") >> name;
    return name;
  }

  fs::path root_;
};

TEST_F(GitObjects, ReadsAFileAsItStandsInACommit) {
  const std::string commit = Name("HEAD");
  std::ofstream(root_ / ".github/egress.yml") << "changed\n";
  const auto text = ReadFileAtCommit(root_, commit, ".github/egress.yml");
  ASSERT_TRUE(text) << text.error().what;
  EXPECT_EQ(*text, "version: 1\n");
  EXPECT_EQ(ReadFileAtCommit(root_, commit, "none.yml").error().code, Code::kNotFound);
  EXPECT_EQ(ReadFileAtCommit(root_, std::string(40, 'a'), ".github/egress.yml").error().code, Code::kNotFound);
  EXPECT_EQ(ReadFileAtCommit(root_, "HEAD", ".github/egress.yml").error().code, Code::kInvalid);
}

TEST_F(GitObjects, RefusesAnObjectThatIsNotWhatItsNameSays) {
  const std::string commit = Name("HEAD"), held = Name("HEAD:.github/egress.yml");
  std::ofstream(root_ / ".github/egress.yml") << "version: 1 # forged\n";
  Git("add .");
  const std::string forged = Name(":.github/egress.yml");
  const auto file = [this](const std::string& name) {
    return root_ / ".git/objects" / name.substr(0, 2) / name.substr(2);
  };
  fs::permissions(file(held), fs::perms::owner_all);
  fs::copy_file(file(forged), file(held), fs::copy_options::overwrite_existing);
  const auto text = ReadFileAtCommit(root_, commit, ".github/egress.yml");
  EXPECT_FALSE(text) << *text;
}

TEST_F(GitObjects, DoesNotReadTheRepositorysConfiguration) {
  const std::string commit = Name("HEAD");
  Git("config core.repositoryformatversion 99");  // a git that reads it refuses
  EXPECT_TRUE(ReadFileAtCommit(root_, commit, ".github/egress.yml"));
}

}  // namespace
}  // namespace weir::cli
