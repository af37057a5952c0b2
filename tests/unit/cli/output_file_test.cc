// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "weir-output-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    dir_ = name;
  }
  void TearDown() override { fs::remove_all(dir_); }
  std::string Path(const std::string& name) const { return (dir_ / name).string(); }
  std::size_t Entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()));
  }
  fs::path dir_;
};

TEST_F(OutputFileTest, ReplacesTheFileWhole) {
  std::ofstream(Path("report.md")) << "something old and longer";
  const auto file = OutputFile::Open(Path("report.md"));
  ASSERT_TRUE(file) << file.error().what;
  ASSERT_TRUE(file->Write("new"));
  EXPECT_EQ(ReadWholeFile(Path("report.md"), 100).value(), "new");
  EXPECT_EQ(Entries(), 1U) << "no temporary file is left";
}

TEST_F(OutputFileTest, DoesNotFollowALinkAtTheEnd) {
  std::ofstream(Path("victim")) << "precious";
  const auto file = OutputFile::Open(Path("report.md"));
  ASSERT_TRUE(file);
  fs::create_symlink(Path("victim"), Path("report.md"));  // as a job would
  ASSERT_TRUE(file->Write("report"));
  EXPECT_EQ(ReadWholeFile(Path("victim"), 100).value(), "precious");
  EXPECT_EQ(ReadWholeFile(Path("report.md"), 100).value(), "report");
}

TEST_F(OutputFileTest, StaysInTheDirectoryThatWasOpened) {
  fs::create_directory(Path("out"));
  fs::create_directory(Path("elsewhere"));
  const auto file = OutputFile::Open(Path("out/report.md"));
  ASSERT_TRUE(file);
  fs::rename(Path("out"), Path("moved"));
  fs::create_directory_symlink(Path("elsewhere"), Path("out"));
  ASSERT_TRUE(file->Write("report"));
  EXPECT_TRUE(fs::exists(Path("moved/report.md")));
  EXPECT_TRUE(fs::is_empty(Path("elsewhere")));
}

TEST_F(OutputFileTest, SaysEarlyWhatCannotBe) {
  EXPECT_EQ(OutputFile::Open(Path("absent/report.md")).error().code, Code::kNotFound);
  EXPECT_EQ(OutputFile::Open(dir_.string()).error().code, Code::kInvalid);
  EXPECT_EQ(OutputFile::Open(dir_.string() + "/").error().code, Code::kInvalid);
  EXPECT_EQ(OutputFile::Open("").error().code, Code::kInvalid);
}

TEST_F(OutputFileTest, WritesToWhatIsNoRegularFile) {
  const auto file = OutputFile::Open("/dev/null");
  ASSERT_TRUE(file) << file.error().what;
  EXPECT_TRUE(file->Write("x"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, BoundsWhatItReads) {
  std::ofstream(Path("big")) << std::string(2000, 'x');
  EXPECT_EQ(ReadWholeFile(Path("big"), 1000).error().code, Code::kExhausted);
  EXPECT_EQ(ReadWholeFile(Path("none"), 1000).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace weir::cli
