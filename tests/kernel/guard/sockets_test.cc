// SPDX-License-Identifier: Apache-2.0
// Sockets that no cgroup hook sees, and unix sockets of those who act for others.
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tests/kernel/guard/guard_case.h"

namespace weir::lab {
namespace {

using GuardSockets = GuardCase;

int TrySocket(int family, int type, int protocol) {
  const Fd fd(socket(family, type, protocol));
  return fd ? 0 : errno;
}

TEST_F(GuardSockets, RefusesRawPacketsAndTheirLike) {
  Holds(WEIR_G_PACKET, 0x0300, [] { return TrySocket(AF_PACKET, SOCK_RAW, 0x0300); });
  Holds(WEIR_G_PACKET, 0x0300, [] { return TrySocket(AF_INET, 10 /* SOCK_PACKET */, 0x0300); });
  Refuses(WEIR_G_XDP, 0, [] { return TrySocket(AF_XDP, SOCK_RAW, 0); });
  Refuses(WEIR_G_VSOCK, 0, [] { return TrySocket(AF_VSOCK, SOCK_STREAM, 0); });
}

// Whether the kernel has them or would load a module for them is not asked any more.
TEST_F(GuardSockets, RefusesEveryFamilyThatIsNotKnown) {
  for (const int family : {AF_KEY, AF_RXRPC, AF_RDS, 43 /* AF_SMC */, AF_TIPC, AF_KCM, AF_BLUETOOTH, AF_CAN, AF_PPPOX,
                           42 /* AF_QIPCRTR, the last that all kernels know */})
    Refuses(WEIR_G_FAMILY, static_cast<std::uint64_t>(family), [=] { return TrySocket(family, SOCK_DGRAM, 0); });
  Refuses(WEIR_G_FAMILY, 43, [] { return TrySocket(AF_INET, SOCK_STREAM, 256 /* IPPROTO_SMC */); });
}

TEST_F(GuardSockets, RefusesTunnelDevices) {
  Refuses(WEIR_G_TUN, 200, [] { return open("/dev/net/tun", O_RDWR) < 0 ? errno : 0; });
  // A descriptor from outside.
  const Fd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(tun);
  const auto make = [&] {
    ifreq request{};
    std::strcpy(request.ifr_name, "weirtun%d");
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    return ErrnoOf(ioctl(tun.get(), TUNSETIFF, &request));
  };
  Refuses(WEIR_G_TUN, 0, make);
  EXPECT_EQ(Outside(make), 0);
}

TEST_F(GuardSockets, LetsOrdinaryFamiliesPass) {
  Passes([] {
    for (const int family : {AF_UNIX, AF_INET, AF_INET6})
      if (const int error = TrySocket(family, SOCK_STREAM, 0)) return error;
    if (const int error = TrySocket(AF_NETLINK, SOCK_RAW, 0)) return error;
    int ends[2];
    return ErrnoOf(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
  });
}

TEST_F(GuardSockets, RefusesToReplacePacketFilters) {
  const auto set = [](int family, int level, int option) {
    const Fd fd(socket(family, SOCK_DGRAM, 0));
    char nothing[128] = {};
    return ErrnoOf(setsockopt(fd.get(), level, option, nothing, sizeof(nothing)));
  };
  for (const int option : {64, 65, 96, 97, 128, 129, 1154}) {
    EXPECT_NE(Outside([&] { return set(AF_INET, IPPROTO_IP, option); }), EPERM);
    Refuses(WEIR_G_NETFILTER, static_cast<std::uint64_t>(option), [&] { return set(AF_INET, IPPROTO_IP, option); });
  }
  Refuses(WEIR_G_NETFILTER, 64, [&] { return set(AF_INET6, IPPROTO_IPV6, 64); });
  Passes([] {
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    const int ttl = 64;
    return ErrnoOf(setsockopt(fd.get(), IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)));
  });
}

// A server outside the scope, with a file.
class GuardUnix : public GuardCase {
 protected:
  sockaddr_un Name(const std::string& path) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    std::strncpy(name.sun_path, path.c_str(), sizeof(name.sun_path) - 1);
    return name;
  }
  Fd Serve(int type, const std::string& path) {
    Fd fd(socket(AF_UNIX, type, 0));
    const sockaddr_un name = Name(path);
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name))) return Fd();
    if (type != SOCK_DGRAM) listen(fd.get(), 8);
    return fd;
  }
  int Connect(int type, const std::string& path) {
    const Fd fd(socket(AF_UNIX, type, 0));
    const sockaddr_un name = Name(path);
    return ErrnoOf(connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)));
  }
  int Send(const std::string& path) {
    const Fd fd(socket(AF_UNIX, SOCK_DGRAM, 0));
    const sockaddr_un name = Name(path);
    return ErrnoOf(sendto(fd.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&name), sizeof(name)));
  }
  void TearDown() override {
    unlink(stream_.c_str());
    unlink(datagram_.c_str());
  }
  void SayOfScope(const std::string& path, std::uint32_t word) {
    struct stat file {};
    ASSERT_EQ(stat(path.c_str(), &file), 0);
    const weir_socket_key key{std::uint64_t{major(file.st_dev)} << 20 | minor(file.st_dev), file.st_ino, World::kScope,
                              0};
    ASSERT_TRUE(MapPut(world().map("weir_sockets"), key, word));
  }
  static std::uint64_t Inode(const std::string& path) {
    struct stat file {};
    return stat(path.c_str(), &file) == 0 ? file.st_ino : 0;
  }
  const std::string stream_ = "/tmp/weir-stream-" + std::to_string(getpid());
  const std::string datagram_ = "/tmp/weir-datagram-" + std::to_string(getpid());
};

TEST_F(GuardUnix, RefusesGuardedServers) {
  const Fd stream = Serve(SOCK_STREAM, stream_), datagram = Serve(SOCK_DGRAM, datagram_);
  ASSERT_TRUE(stream && datagram);
  ASSERT_TRUE(world().Guard(stream_, WEIR_G_SOCKETS, 0));
  ASSERT_TRUE(world().Guard(datagram_, WEIR_G_SOCKETS, 0));
  Holds(WEIR_G_SOCKETS, Inode(stream_), [this] { return Connect(SOCK_STREAM, stream_); });
  Holds(WEIR_G_SOCKETS, Inode(datagram_), [this] { return Send(datagram_); });
  Holds(WEIR_G_SOCKETS, Inode(datagram_), [this] { return Connect(SOCK_DGRAM, datagram_); });
  // By another name.
  const std::string other = stream_ + "-link";
  Holds(WEIR_G_SOCKETS, Inode(stream_), [&] {
    symlink(stream_.c_str(), other.c_str());
    const int result = Connect(SOCK_STREAM, other);
    unlink(other.c_str());
    return result;
  });
  EXPECT_TRUE(world().Unguard(stream_));
  EXPECT_TRUE(world().Unguard(datagram_));
}

TEST_F(GuardUnix, AScopesOwnWordGoesFirst) {
  const Fd stream = Serve(SOCK_SEQPACKET, stream_);
  ASSERT_TRUE(stream);
  Passes([this] { return Connect(SOCK_SEQPACKET, stream_); });
  SayOfScope(stream_, 2);
  Holds(WEIR_G_SOCKETS, Inode(stream_), [this] { return Connect(SOCK_SEQPACKET, stream_); });
  ASSERT_TRUE(world().Guard(stream_, WEIR_G_SOCKETS, 0));
  SayOfScope(stream_, 1);
  ASSERT_TRUE(world().Judge(GuardWorld::Mode::kDeny));
  Passes([this] { return Connect(SOCK_SEQPACKET, stream_); });
  EXPECT_TRUE(world().Unguard(stream_));
}

TEST_F(GuardUnix, LetsAJobTalkToItsOwn) {
  Passes([this] {
    const Fd server = Serve(SOCK_STREAM, stream_);
    return server ? Connect(SOCK_STREAM, stream_) : errno;
  });
}

}  // namespace
}  // namespace weir::lab
