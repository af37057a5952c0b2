// SPDX-License-Identifier: Apache-2.0
// The host's network namespace: its links, routes and filters, by netlink, by ioctl, from elsewhere; and going there.
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "tests/kernel/guard/guard_case.h"
#include "tests/kernel/guard/netlink.h"

namespace weir::lab {
namespace {

using GuardNetwork = GuardCase;

const std::string kLink(sizeof(ifinfomsg), '\0');
const std::string kRoute(sizeof(rtmsg), '\0');

// Messages that the kernel finds faulty: how far they come is what counts.
TEST_F(GuardNetwork, RefusesToChangeTheHostsLinksAndRoutes) {
  for (const std::uint16_t type : {RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK})
    Holds(WEIR_G_TUNNEL, type, [=] { return NetlinkSendBy(NETLINK_ROUTE, NetlinkMessage(type, kLink)); });
  for (const std::uint16_t type : {RTM_NEWADDR, RTM_DELADDR, RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_NEWQDISC,
                                   RTM_NEWTFILTER, RTM_NEWNSID, RTM_NEWNEIGH})
    Refuses(WEIR_G_ROUTES, type, [=] { return NetlinkSendBy(NETLINK_ROUTE, NetlinkMessage(type, kRoute)); });
}

TEST_F(GuardNetwork, RefusesThemBehindHarmlessOnes) {
  const std::string harmless = NetlinkMessage(RTM_GETLINK, kLink);
  std::string many;
  for (int i = 0; i < 40; i++) many += harmless;
  Holds(WEIR_G_ROUTES, RTM_NEWROUTE,
        [&] { return NetlinkSendBy(NETLINK_ROUTE, many + NetlinkMessage(RTM_NEWROUTE, kRoute)); });
  // More than are looked at: nobody knows.
  Holds(WEIR_G_ROUTES, 0xffff, [&] { return NetlinkSendBy(NETLINK_ROUTE, many + many); });
}

TEST_F(GuardNetwork, RefusesThemHoweverTheyAreSent) {
  const std::string message = NetlinkMessage(RTM_NEWROUTE, kRoute);
  Holds(WEIR_G_ROUTES, RTM_NEWROUTE, [&] {
    const Fd fd(socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE));
    return ErrnoOf(write(fd.get(), message.data(), message.size()));
  });
  Holds(WEIR_G_ROUTES, RTM_NEWROUTE, [&] {
    const Fd fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    iovec parts[2] = {{const_cast<char*>(message.data()), 5},
                      {const_cast<char*>(message.data()) + 5, message.size() - 5}};
    mmsghdr batch{};
    batch.msg_hdr.msg_iov = parts;
    batch.msg_hdr.msg_iovlen = 2;
    return ErrnoOf(sendmmsg(fd.get(), &batch, 1, 0));
  });
}

TEST_F(GuardNetwork, RefusesFiltersTransformsAndUnknownGenericFamilies) {
  Holds(WEIR_G_NETFILTER, 0xa10, [] { return NetlinkSendBy(NETLINK_NETFILTER, NetlinkMessage(0xa10, "12345678")); });
  Holds(WEIR_G_TUNNEL, 0x10, [] { return NetlinkSendBy(NETLINK_XFRM, NetlinkMessage(0x10, "12345678")); });
  Holds(WEIR_G_TUNNEL, 0x7f, [] { return NetlinkSendBy(NETLINK_GENERIC, NetlinkMessage(0x7f, "1234")); });
  Holds(WEIR_G_ROUTES, 21 /* SOCK_DESTROY */,
        [] { return NetlinkSendBy(NETLINK_SOCK_DIAG, NetlinkMessage(21, "12345678")); });
  ASSERT_TRUE(MapPut(world().map("weir_genl"), std::uint32_t{0x7e}, std::uint32_t{1}));
  Passes([] { return NetlinkSendBy(NETLINK_GENERIC, NetlinkMessage(0x7e, "1234")); });
  Passes([] { return NetlinkSendBy(NETLINK_GENERIC, NetlinkMessage(0x10, std::string("\x03\x01\0\0", 4))); });
}

TEST_F(GuardNetwork, LetsAJobLookAtThem) {
  Passes([] {
    for (const std::uint16_t type : {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH})
      if (const int error = NetlinkSendBy(NETLINK_ROUTE, NetlinkMessage(type, kLink, NLM_F_REQUEST | NLM_F_DUMP)))
        return error;
    return 0;
  });
}

std::string NewDummy(const std::string& more = "") {
  const std::string kind = NetlinkAttribute(IFLA_INFO_KIND, "dummy");
  return NetlinkMessage(
      RTM_NEWLINK,
      kLink + NetlinkAttribute(IFLA_IFNAME, std::string("weird0", 7)) + NetlinkAttribute(IFLA_LINKINFO, kind) + more,
      NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
}

TEST_F(GuardNetwork, LetsAJobRuleItsOwnNamespace) {
  Passes([] {
    if (unshare(CLONE_NEWNET)) return errno;
    const Fd fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    if (const int error = NetlinkAsk(fd.get(), NewDummy())) return error;
    return if_nametoindex("weird0") ? 0 : ENODEV;
  });
}

TEST_F(GuardNetwork, RefusesToReachIntoTheHostFromThere) {
  Refuses(WEIR_G_TUNNEL, RTM_NEWLINK, [] {
    const Fd host(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));  // stays the host's
    return unshare(CLONE_NEWNET) ? ENODEV : NetlinkSend(host.get(), NewDummy());
  });
  const std::string target = NetlinkAttribute(IFLA_TARGET_NETNSID, Bytes(0));
  const std::string under = NetlinkAttribute(IFLA_LINK_NETNSID, Bytes(0));
  for (const auto& message :
       {NewDummy(target), NewDummy(under), NewDummy(NetlinkAttribute(IFLA_TXQLEN, Bytes(1)) + under)})
    Holds(WEIR_G_TUNNEL, RTM_NEWLINK,
          [&] { return unshare(CLONE_NEWNET) ? ENODEV : NetlinkSendBy(NETLINK_ROUTE, message); });
}

// A link that comes from elsewhere, or whose other end does: by the process that is there, or by a descriptor.
TEST_F(GuardNetwork, RefusesToPutLinksIntoTheHost) {
  Refuses(WEIR_G_TUNNEL, RTM_NEWLINK, [] {
    const auto host = static_cast<std::uint32_t>(getppid());
    return unshare(CLONE_NEWNET)
               ? ENODEV
               : NetlinkSendBy(NETLINK_ROUTE, NewDummy(NetlinkAttribute(IFLA_NET_NS_PID, Bytes(host))));
  });
  Refuses(WEIR_G_TUNNEL, RTM_NEWLINK, [] {
    const Fd host(open("/proc/self/ns/net", O_RDONLY));
    const auto number = static_cast<std::uint32_t>(host.get());
    return unshare(CLONE_NEWNET)
               ? ENODEV
               : NetlinkSendBy(NETLINK_ROUTE, NewDummy(NetlinkAttribute(IFLA_NET_NS_FD, Bytes(number))));
  });
  Refuses(WEIR_G_TUNNEL, RTM_NEWLINK, [] {
    const Fd host(open("/proc/self/ns/net", O_RDONLY));
    const auto number = static_cast<std::uint32_t>(host.get());
    const std::string peer =
        NetlinkAttribute(1 /* VETH_INFO_PEER */, kLink + NetlinkAttribute(IFLA_NET_NS_FD, Bytes(number)));
    const std::string info = NetlinkAttribute(IFLA_INFO_KIND, "veth") + NetlinkAttribute(IFLA_INFO_DATA, peer);
    return unshare(CLONE_NEWNET)
               ? ENODEV
               : NetlinkSendBy(NETLINK_ROUTE,
                               NetlinkMessage(RTM_NEWLINK, kLink + NetlinkAttribute(IFLA_LINKINFO, info)));
  });
  // Between two of its own.
  Passes([] {
    if (unshare(CLONE_NEWNET)) return errno;
    const Fd first(open("/proc/self/ns/net", O_RDONLY));
    const auto number = static_cast<std::uint32_t>(first.get());
    if (unshare(CLONE_NEWNET)) return errno;
    const Fd fd(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    return NetlinkAsk(fd.get(), NewDummy(NetlinkAttribute(IFLA_NET_NS_FD, Bytes(number))));
  });
}

ifreq Loopback() {
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_qlen = 1000;
  return request;
}

int Ioctl(unsigned long request) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
  ifreq argument = Loopback();
  return ErrnoOf(ioctl(fd.get(), request, &argument));
}

// The 32-bit system call with up to three arguments, from a 64-bit process.
long Call32(long number, long a, long b, long c) {
  long result = 0;
  asm volatile("int $0x80" : "=a"(result) : "0"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  return result;
}

TEST_F(GuardNetwork, RefusesIoctlsThatChangeTheHost) {
  Holds(WEIR_G_ROUTES, SIOCSIFTXQLEN, [] { return Ioctl(SIOCSIFTXQLEN); });
  Refuses(WEIR_G_ROUTES, SIOCADDRT, [] { return Ioctl(SIOCADDRT); });
  Refuses(WEIR_G_ROUTES, SIOCSIFADDR, [] { return Ioctl(SIOCSIFADDR); });
  Refuses(WEIR_G_TUNNEL, 0x89f1, [] { return Ioctl(0x89f1 /* SIOCADDTUNNEL */); });
  Refuses(WEIR_G_TUNNEL, SIOCBRADDBR, [] { return Ioctl(SIOCBRADDBR); });
  Refuses(WEIR_G_TUNNEL, SIOCSIFVLAN, [] { return Ioctl(SIOCSIFVLAN); });
  Passes([] { return Ioctl(SIOCGIFINDEX) ? errno : Ioctl(SIOCGIFFLAGS); });
  Passes([] { return unshare(CLONE_NEWNET) ? errno : Ioctl(SIOCSIFTXQLEN); });
}

TEST_F(GuardNetwork, RefusesThemBy32BitSystemCalls) {
  const int i386_ioctl = 54, i386_socket = 359;
  Refuses(WEIR_G_ROUTES, SIOCSIFTXQLEN, [=] {
    void* low = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    const ifreq argument = Loopback();
    std::memcpy(low, &argument, sizeof(argument));
    const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
    return static_cast<int>(-Call32(i386_ioctl, fd.get(), SIOCSIFTXQLEN, reinterpret_cast<long>(low)));
  });
  Refuses(WEIR_G_PACKET, 3, [=] { return static_cast<int>(-Call32(i386_socket, AF_PACKET, SOCK_RAW, 3)); });
}

TEST_F(GuardNetwork, RefusesToMakeALinkOfATerminal) {
  Refuses(WEIR_G_TUN, 0, [] {
    const Fd fd(open("/dev/console", O_RDONLY | O_NOCTTY));
    const int slip = 1;
    return ErrnoOf(ioctl(fd.get(), TIOCSETD, &slip));
  });
}

class GuardNetns : public GuardCase {
 protected:
  static std::uint64_t Host() {
    struct stat net {};
    return stat("/proc/self/ns/net", &net) == 0 ? net.st_ino : 0;
  }
  // The kernel asks twice, so what is only reported counts twice.
  void HoldsGoing(const std::function<int()>& attempt) {
    EXPECT_EQ(Outside(attempt), 0);
    ASSERT_TRUE(world().Judge(GuardWorld::Mode::kReport));
    EXPECT_EQ(world().InJob(attempt), 0);
    EXPECT_GE(world().Reported(WEIR_G_NETNS), 1u);
    Refuses(WEIR_G_NETNS, Host(), attempt);
  }
};

TEST_F(GuardNetns, RefusesToGoToTheHost) {
  HoldsGoing([] {
    const Fd host(open("/proc/self/ns/net", O_RDONLY));
    return unshare(CLONE_NEWNET) ? ENODEV : ErrnoOf(setns(host.get(), CLONE_NEWNET));
  });
  HoldsGoing([] {
    const Fd host(open("/proc/self/ns/net", O_RDONLY));
    return unshare(CLONE_NEWNET) ? ENODEV : ErrnoOf(setns(host.get(), 0));
  });
}

TEST_F(GuardNetns, RefusesToGoThereByProcess) {
  HoldsGoing([] {
    const Fd parent(static_cast<int>(syscall(SYS_pidfd_open, getppid(), 0)));
    return unshare(CLONE_NEWNET) ? ENODEV : ErrnoOf(setns(parent.get(), CLONE_NEWNET));
  });
}

TEST_F(GuardNetns, RefusesToGoThereBy32BitSystemCall) {
  HoldsGoing([] {
    const Fd host(open("/proc/self/ns/net", O_RDONLY));
    return unshare(CLONE_NEWNET) ? ENODEV : static_cast<int>(-Call32(346, host.get(), CLONE_NEWNET, 0));
  });
}

TEST_F(GuardNetns, LetsAJobGoBetweenItsOwn) {
  Passes([] {
    const Fd host(open("/proc/self/ns/net", O_RDONLY));
    if (setns(host.get(), CLONE_NEWNET)) return errno;  // it is there
    if (unshare(CLONE_NEWNET)) return errno;
    const Fd first(open("/proc/self/ns/net", O_RDONLY));
    return unshare(CLONE_NEWNET) ? errno : ErrnoOf(setns(first.get(), CLONE_NEWNET));
  });
}

}  // namespace
}  // namespace weir::lab
