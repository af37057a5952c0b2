// SPDX-License-Identifier: Apache-2.0
// Which file an exec record names, whatever way it was executed.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "sensor/base/fd.h"
#include "tests/kernel/process/process_fixture.h"

namespace weir::lab {
namespace {

// A directory that is gone at the end of the test.
class TempDir {
 public:
  explicit TempDir(const std::string& parent) : path_(parent + "/weir-exec-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr) << path_;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string CopyActor(const std::string& path) {
  std::filesystem::copy_file(ActorPath(), path);
  return path;
}

class ExecFileTest : public ProcessTest {
 protected:
  // The one exec of a child that runs `body`.
  Exec ExecOf(std::function<int()> body) {
    const auto [pid, status] = Run(std::move(body));
    EXPECT_EQ(status, 0);
    const auto execs = seen.ExecsOf(pid);
    EXPECT_EQ(execs.size(), 2u);
    return execs.size() == 2 ? execs[1] : Exec{};
  }
};

TEST_F(ExecFileTest, ExecByDescriptorNamesTheFile) {
  const Fd actor(::open(ActorPath().c_str(), O_RDONLY));
  const Exec exec = ExecOf([&] { return ExecFd(actor.get(), {"exit", "0"}); });
  EXPECT_EQ(exec.path, ActorPath());
  EXPECT_EQ(exec.fixed.flags, HomeFlags());
}

TEST_F(ExecFileTest, AMemoryFileIsFlagged) {
  const Fd memory(static_cast<int>(::memfd_create("innocent", 0)));
  const Fd actor(::open(ActorPath().c_str(), O_RDONLY));
  struct stat info = {};
  ASSERT_EQ(::fstat(actor.get(), &info), 0);
  for (off_t offset = 0; offset < info.st_size;) {
    char piece[65536];
    const ssize_t got = ::pread(actor.get(), piece, sizeof(piece), offset);
    ASSERT_GT(got, 0);
    ASSERT_EQ(::write(memory.get(), piece, static_cast<std::size_t>(got)), got);
    offset += got;
  }
  const Exec exec = ExecOf([&] { return ExecFd(memory.get(), {"exit", "0"}); });
  EXPECT_EQ(exec.path, "/memfd:innocent");
  EXPECT_EQ(exec.fixed.flags, WEIR_X_MEMFD);
}

TEST_F(ExecFileTest, ADeletedFileIsFlaggedAndKeepsItsName) {
  const TempDir dir(std::filesystem::path(ActorPath()).parent_path());
  const std::string path = CopyActor(dir.path() + "/gone");
  const Fd gone(::open(path.c_str(), O_RDONLY));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const Exec exec = ExecOf([&] { return ExecFd(gone.get(), {"exit", "0"}); });
  EXPECT_EQ(exec.path, path);
  EXPECT_TRUE(exec.fixed.flags & WEIR_X_DELETED) << exec.fixed.flags;
  EXPECT_FALSE(exec.fixed.flags & WEIR_X_MEMFD);
}

TEST_F(ExecFileTest, AFileNamedLikeAMemoryFileIsNone) {
  const TempDir dir("/dev/shm");
  const std::string path = CopyActor(dir.path() + "/memfd:innocent");
  const Fd gone(::open(path.c_str(), O_RDONLY));
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const Exec exec = ExecOf([&] { return ExecFd(gone.get(), {"exit", "0"}); });
  EXPECT_EQ(exec.path, path);
  EXPECT_EQ(exec.fixed.flags, WEIR_X_DELETED | WEIR_X_TMPFS);
}

TEST_F(ExecFileTest, AFileOnTmpfsIsFlaggedAndItsPathCrossesMounts) {
  const TempDir dir("/dev/shm");
  const std::string path = CopyActor(dir.path() + "/actor");
  const Exec exec = ExecOf([&] { return ::chdir(dir.path().c_str()), ExecActor({"exit", "0"}, path); });
  EXPECT_EQ(exec.path, path);
  EXPECT_EQ(exec.cwd, dir.path());
  EXPECT_EQ(exec.fixed.flags, WEIR_X_TMPFS);
}

TEST_F(ExecFileTest, TheLoaderRunByNameIsTheExecutable) {
  const std::string loader = std::filesystem::canonical("/lib64/ld-linux-x86-64.so.2");
  const std::string program = std::filesystem::canonical("/proc/self/exe");  // dynamically linked, unlike the actor
  const Exec exec = ExecOf([&] { return ExecActor({"--verify", program}, loader); });
  EXPECT_EQ(exec.path, loader);
  EXPECT_NE(exec.args.find(program), std::string::npos) << "argv shows what it was asked to load";
}

TEST_F(ExecFileTest, ALinkNamesItsTarget) {
  const TempDir dir("/tmp");
  const std::string link = dir.path() + "/trusted";
  ASSERT_EQ(::symlink(ActorPath().c_str(), link.c_str()), 0);
  EXPECT_EQ(ExecOf([&] { return ExecActor({"exit", "0"}, link); }).path, ActorPath());
}

TEST_F(ExecFileTest, HostileFileNamesAreKeptAsBytes) {
  const TempDir dir("/dev/shm");
  const std::string path = CopyActor(dir.path() + "/\x1b[2J\n\xff weir");
  EXPECT_EQ(ExecOf([&] { return ExecActor({"exit", "0"}, path); }).path, path);
}

TEST_F(ExecFileTest, TheLongestFileNameIsKept) {
  const TempDir dir("/dev/shm");
  const std::string path = CopyActor(dir.path() + "/" + std::string(255, 'n'));
  const Exec exec = ExecOf([&] { return ExecActor({"exit", "0"}, path); });
  EXPECT_EQ(exec.path, path);
  EXPECT_EQ(exec.fixed.flags, WEIR_X_TMPFS);
}

TEST_F(ExecFileTest, APathTooDeepIsCutAtTheRootAndSaysSo) {
  const TempDir dir("/dev/shm");
  std::string deep = dir.path(), tail;
  for (int i = 0; i < 40; ++i) {
    deep += "/" + std::to_string(i);
    if (i >= 40 - static_cast<int>(WEIR_PATH_PARTS) + 1) tail += std::to_string(i) + "/";
  }
  std::filesystem::create_directories(deep);
  const std::string path = CopyActor(deep + "/actor");
  const Exec exec = ExecOf([&] { return ::chdir(deep.c_str()), ExecActor({"exit", "0"}, path); });
  EXPECT_EQ(exec.path, tail + "actor");
  EXPECT_EQ(exec.cwd, "8/" + tail.substr(0, tail.size() - 1));
  EXPECT_EQ(exec.fixed.flags, WEIR_X_TMPFS | WEIR_X_PATH_CUT | WEIR_X_CWD_CUT);
  EXPECT_EQ(Counter(WEIR_C_PATH_CUT), 1u);
}

TEST_F(ExecFileTest, APathTooLongIsCutAtTheRootAndSaysSo) {
  const TempDir dir("/dev/shm");
  std::string deep = dir.path();
  for (int i = 0; i < 6; ++i) deep += "/" + std::string(200, static_cast<char>('a' + i));
  std::filesystem::create_directories(deep);
  const std::string path = CopyActor(deep + "/actor");
  const Exec exec = ExecOf([&] { return ExecActor({"exit", "0"}, path); });
  EXPECT_TRUE(exec.fixed.flags & WEIR_X_PATH_CUT);
  EXPECT_LE(exec.fixed.path_len, WEIR_PATH_BYTES);
  EXPECT_TRUE(path.ends_with("/" + exec.path)) << exec.path;
  EXPECT_GT(exec.path.size(), WEIR_PATH_BYTES - 256);
}

}  // namespace
}  // namespace weir::lab
