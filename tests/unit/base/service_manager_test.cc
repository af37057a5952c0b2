// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/service_manager.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "sensor/base/fd.h"

namespace weir {
namespace {

// The other end of NOTIFY_SOCKET, as systemd has it.
class Listener {
 public:
  explicit Listener(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), size), 0) << std::strerror(errno);
  }

  struct Heard {
    std::string text;
    Fd fd;
  };
  std::optional<Heard> Hear() {
    Heard heard;
    heard.text.resize(512);
    iovec text{heard.text.data(), heard.text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &text;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    const ssize_t got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0) return std::nullopt;
    heard.text.resize(static_cast<std::size_t>(got));
    if (const cmsghdr* rights = CMSG_FIRSTHDR(&message)) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
      heard.fd.Reset(fd);
    }
    return heard;
  }

 private:
  Fd fd_;
};

std::string Name(const char* kind) { return std::string(kind) + "weir-notify-" + std::to_string(::getpid()); }

ServiceManager Started(const std::string& socket, const char* watchdog_us = nullptr, const std::string& pid = "") {
  ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);
  if (watchdog_us) ::setenv("WATCHDOG_USEC", watchdog_us, 1);
  if (!pid.empty()) ::setenv("WATCHDOG_PID", pid.c_str(), 1);
  return ServiceManager::FromEnvironment();
}

TEST(ServiceManager, HearsOneDatagramAtAPath) {
  const std::string path = Name("/tmp/");
  Listener listener(path);
  EXPECT_TRUE(Started(path).Tell("READY=1\nSTATUS=armed"));
  const auto heard = listener.Hear();
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->text, "READY=1\nSTATUS=armed");
  EXPECT_FALSE(heard->fd);
  EXPECT_FALSE(listener.Hear());
  ::unlink(path.c_str());
}

TEST(ServiceManager, HearsAtAnAbstractName) {
  Listener listener(Name("@"));
  EXPECT_TRUE(Started(Name("@")).Tell("WATCHDOG=1"));
  const auto heard = listener.Hear();
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->text, "WATCHDOG=1");
}

TEST(ServiceManager, IsGivenADescriptorToKeep) {
  Listener listener(Name("@"));
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const Fd read_end(ends[0]), write_end(ends[1]);
  const ServiceManager manager = Started(Name("@"));
  EXPECT_TRUE(manager.Keep("pipe", read_end.get()));
  EXPECT_TRUE(manager.Forget("pipe"));
  const auto heard = listener.Hear();
  ASSERT_TRUE(heard && heard->fd);
  EXPECT_EQ(heard->text, "FDSTORE=1\nFDPOLL=0\nFDNAME=pipe");
  EXPECT_EQ(listener.Hear()->text, "FDSTOREREMOVE=1\nFDNAME=pipe");
  struct stat ours {
  }, theirs{};
  ASSERT_EQ(::fstat(read_end.get(), &ours), 0);
  ASSERT_EQ(::fstat(heard->fd.get(), &theirs), 0);
  EXPECT_EQ(ours.st_ino, theirs.st_ino);
}

// In a process of its own: descriptors come from 3 on.
TEST(ServiceManager, GivesBackWhatItKept) {
  const auto restarted = [] {
    ::close(3), ::close(4);
    if (::dup2(0, 3) != 3 || ::dup2(0, 4) != 4) std::_Exit(2);
    ::setenv("LISTEN_FDS", "2", 1);
    ::setenv("LISTEN_FDNAMES", "map.a:link.b", 1);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    auto manager = ServiceManager::FromEnvironment();
    const auto kept = manager.TakeKept();
    const bool good = kept.size() == 2 && kept[0].name == "map.a" && kept[0].fd.get() == 3 &&
                      kept[1].name == "link.b" && kept[1].fd.get() == 4 && ::fcntl(4, F_GETFD) == FD_CLOEXEC &&
                      !std::getenv("LISTEN_FDS");
    std::_Exit(good ? 0 : 1);
  };
  EXPECT_EXIT(restarted(), ::testing::ExitedWithCode(0), "");
}

TEST(ServiceManager, TakesNoDescriptorsOfAnother) {
  ::setenv("LISTEN_FDS", "2", 1);
  ::setenv("LISTEN_PID", "1", 1);
  EXPECT_TRUE(ServiceManager::FromEnvironment().TakeKept().empty());
}

TEST(ServiceManager, IsNotInheritedByWhatTheDaemonStarts) {
  static_cast<void>(Started(Name("@"), "1000", std::to_string(::getpid())));
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_USEC"), nullptr);
  EXPECT_EQ(std::getenv("WATCHDOG_PID"), nullptr);
}

TEST(ServiceManager, SaysHowOftenItWantsToHear) {
  using std::chrono::milliseconds;
  EXPECT_EQ(Started("@x", "20000000").watchdog(), milliseconds(20000));
  EXPECT_EQ(Started("@x", "20000000", std::to_string(::getpid())).watchdog(), milliseconds(20000));
  EXPECT_EQ(Started("@x", "20000000", "1").watchdog(), std::nullopt) << "another process is meant";
  EXPECT_EQ(Started("@x", "0").watchdog(), std::nullopt);
  EXPECT_EQ(Started("@x", "often").watchdog(), std::nullopt);
  EXPECT_EQ(Started("@x").watchdog(), std::nullopt);
}

TEST(ServiceManager, IsNobodyWithoutASocket) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(ServiceManager::FromEnvironment().Tell("READY=1"));
}

TEST(ServiceManager, CannotBeToldWhereNobodyListens) {
  EXPECT_FALSE(Started(Name("@")).Tell("READY=1"));
  EXPECT_FALSE(Started("relative").Tell("READY=1"));
  EXPECT_FALSE(Started("/" + std::string(200, 'x')).Tell("READY=1"));
}

}  // namespace
}  // namespace weir
