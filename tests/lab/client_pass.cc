// SPDX-License-Identifier: Apache-2.0
// Connected sockets that change hands: one side, outside a job, connects and keeps; the other, inside, gets hold and
// sends.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tests/lab/client.h"
#include "tests/lab/sockets.h"

namespace weir::lab {
namespace {

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

/// A message of one byte and one descriptor.
struct Parcel {
  Parcel() {
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
  }
  char byte = 'x';
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
};

int TakeFromSocket(const std::string& path) {
  const Fd channel(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = UnixAddress(path);
  if (::connect(channel.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address))) return -1;
  Parcel parcel;
  if (::recvmsg(channel.get(), &parcel.message, MSG_CMSG_CLOEXEC) != 1) return -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
  int fd = -1;
  if (header != nullptr) std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  return fd;
}

int TakeFromProcess(pid_t pid, int number) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  return static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0));
}

}  // namespace

int Hold(const HoldOptions& options) {
  auto target = MakeAddress(options.host, options.port);
  if (!target) return 64;
  const Fd fd(::socket(target->ss_family, options.udp ? SOCK_DGRAM : SOCK_STREAM, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*target), Length(*target))) return 1;
  const Fd door(::socket(AF_UNIX, SOCK_STREAM, 0));
  const sockaddr_un address = UnixAddress(options.path);
  if (::bind(door.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) || ::listen(door.get(), 8))
    return 1;
  std::printf("pid=%d fd=%d\n", ::getpid(), fd.get());
  std::fflush(stdout);
  for (;;) {
    const Fd visitor(::accept(door.get(), nullptr, nullptr));
    if (!visitor) return 1;
    Parcel parcel;
    cmsghdr* header = CMSG_FIRSTHDR(&parcel.message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int number = fd.get();
    std::memcpy(CMSG_DATA(header), &number, sizeof(number));
    if (::sendmsg(visitor.get(), &parcel.message, MSG_NOSIGNAL) < 0) return 1;
  }
}

int Take(const TakeOptions& options) {
  const Fd fd(options.pid != 0 ? TakeFromProcess(options.pid, options.number) : TakeFromSocket(options.path));
  if (!fd) {
    std::printf("take error=%s\n", ErrnoName(errno).c_str());
    return 2;
  }
  const std::string request = options.text + "\r\n\r\n";  // the end of what lab-sink waits for
  const ssize_t sent = ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::printf("take sent=%d error=%s\n", sent < 0 ? 0 : 1, sent < 0 ? ErrnoName(errno).c_str() : "none");
  return sent < 0 ? 1 : 0;
}

}  // namespace weir::lab
