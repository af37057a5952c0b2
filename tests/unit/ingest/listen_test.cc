// SPDX-License-Identifier: Apache-2.0
#include "collector/app/listen.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "sensor/base/fd.h"

namespace weir::collector {
namespace {

struct Row {
  const char* text;
  bool valid;
  bool loopback;
};

TEST(ParseListen, KnowsLoopbackFromTheRest) {
  for (const Row& row : {Row{"unix:/run/weir/collector.sock", true, true},
                         {"127.0.0.1:7411", true, true},
                         {"127.8.9.1:1", true, true},
                         {"[::1]:7411", true, true},
                         {"localhost:7411", true, true},
                         {"0.0.0.0:7411", true, false},
                         {"[::]:7411", true, false},
                         {"192.0.2.1:7411", true, false},
                         {"127.0.0.1.example.org:7411", true, false},
                         {"host.example.org:65535", true, false},
                         {"unix:relative.sock", false, false},
                         {"unix:", false, false},
                         {"127.0.0.1", false, false},
                         {"127.0.0.1:0", false, false},
                         {"127.0.0.1:65536", false, false},
                         {"127.0.0.1:http", false, false},
                         {":7411", false, false},
                         {"", false, false}}) {
    const auto address = ParseListen(row.text);
    EXPECT_EQ(address.has_value(), row.valid) << row.text;
    if (address) {
      EXPECT_EQ(address->loopback, row.loopback) << row.text;
    }
  }
  EXPECT_FALSE(ParseListen("unix:/" + std::string(200, 'x')));
}

class SocketTest : public testing::Test {
 protected:
  SocketTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "weir-listen-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ / "made" / "s.sock";
  }
  ~SocketTest() override { std::filesystem::remove_all(directory_); }
  Fd Bind() {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(socket.get(), 1), 0);
    return socket;
  }
  std::filesystem::path directory_;
  std::filesystem::path path_;
};

TEST_F(SocketTest, MakesTheDirectoryForItsGroupOnly) {
  ASSERT_TRUE(PrepareSocket(path_));
  EXPECT_EQ(std::filesystem::status(path_.parent_path()).permissions(), std::filesystem::perms(0750));
}

TEST_F(SocketTest, ReplacesASocketThatNobodyServes) {
  ASSERT_TRUE(PrepareSocket(path_));
  Bind().Reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(PrepareSocket(path_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(SocketTest, LeavesASocketThatSomebodyServes) {
  ASSERT_TRUE(PrepareSocket(path_));
  const Fd owner = Bind();
  EXPECT_EQ(PrepareSocket(path_).error().code, Code::kExists);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(SocketTest, LeavesAFileThatIsNoSocket) {
  ASSERT_TRUE(PrepareSocket(path_));
  std::ofstream(path_) << "notes";
  EXPECT_EQ(PrepareSocket(path_).error().code, Code::kExists);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace weir::collector
