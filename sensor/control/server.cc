// SPDX-License-Identifier: Apache-2.0
// Connections are accepted here, not by gRPC, because only here the kernel tells who the peer is (SO_PEERCRED). Two
// servers: one for peers with full control, one for everybody else, so that a mix-up of connections could never make a
// reader a writer.
#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "sensor/base/fd.h"
#include "sensor/control/handlers.h"
#include "sensor/control/readers.h"
#include "sensor/control/service.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77  // include/uapi/asm-generic/socket.h, since Linux 6.5
#endif

namespace weir::control {
namespace {

constexpr int kBacklog = 64;
constexpr int kNoRoomWaitMs = 200;
constexpr int kMaxRequestBytes = 20 << 20;  // a policy may have 16 MiB
constexpr int kFirstPeerFd = 256;
constexpr int kPeerFds =
    512;  // numbers are used in turn, so that one is not given again while calls of its last owner run

sockaddr_un AddressOf(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return address;
}

/// A stale socket is removed, a live one is somebody's.
Result<> MakeRoom(const std::filesystem::path& path) {
  const sockaddr_un address = AddressOf(path);
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!probe) return FailErrno("socket", errno);
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0)
    return Fail(Code::kExists, "a sensor listens on " + path.string() + " already; stop it, or give another --socket");
  if (errno == ECONNREFUSED) ::unlink(path.c_str());
  return {};
}

Result<Fd> Listen(const std::filesystem::path& path) {
  if (path.string().size() >= sizeof(sockaddr_un::sun_path))
    return Fail(Code::kInvalid, "socket path " + path.string() + " is too long: at most 107 bytes");
  std::error_code failed;
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return FailErrno("create " + path.parent_path().string(), failed.value());
  WEIR_TRY(MakeRoom(path));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return FailErrno("socket", errno);
  const sockaddr_un address = AddressOf(path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return FailErrno("bind " + path.string(), errno);
  // Everybody may connect: a job reads its own state. What a peer may do is decided by who it is.
  if (::chmod(path.c_str(), 0666) != 0) return FailErrno("chmod " + path.string(), errno);
  if (::listen(fd.get(), kBacklog) != 0) return FailErrno("listen on " + path.string(), errno);
  return fd;
}

/// A pidfd of the process that connected. Before Linux 6.5 by its number, which may have been given to another process
/// since the connect; then only the time between connect and accept is open.
Fd OpenPeer(int connection, pid_t pid) {
  int fd = -1;
  socklen_t length = sizeof(fd);
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &fd, &length) == 0) return Fd(fd);
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

bool IsAlive(const Fd& process) {
  pollfd ended{process.get(), POLLIN, 0};
  return process && ::poll(&ended, 1, 0) == 0;
}

}  // namespace

struct ControlServer::Parts {
  Sensor& sensor;
  std::filesystem::path path;
  std::unique_ptr<Handlers> full_handlers;
  std::unique_ptr<Handlers> reader_handlers;
  std::unique_ptr<grpc::Server> full;
  std::unique_ptr<grpc::Server> reader;
  Fd listener;
  Fd wake;
  std::thread acceptor;
  int next_fd = kFirstPeerFd;

  Readers readers;

  explicit Parts(Sensor& owner) : sensor(owner) {}

  Peer Identify(int fd) const {
    ucred who{};
    socklen_t length = sizeof(who);
    Peer peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) return {0, 0, false, std::string()};
    peer.pid = who.pid;
    peer.uid = who.uid;
    const Fd process = OpenPeer(fd, who.pid);
    auto job = sensor.JobOfProcess(who.pid);
    // Could not be told, or the process ended and its number may be another's by now: taken for inside, of no job that
    // there is.
    peer.job_id = job && IsAlive(process) ? *job : std::optional(std::string());
    peer.full_control = who.uid == 0 && !peer.job_id;
    return peer;
  }

  /// Whoever waits to be accepted stays ready, so that the loop would spin until there is room again.
  void WaitForRoom(int sys_errno) const {
    if (sys_errno == EAGAIN || sys_errno == ECONNABORTED || sys_errno == EINTR) return;
    pollfd stopped{wake.get(), POLLIN, 0};
    static_cast<void>(::poll(&stopped, 1, kNoRoomWaitMs));
  }

  void Accept() {
    Fd accepted(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!accepted) return WaitForRoom(errno);
    const Peer peer = Identify(accepted.get());
    Fd fd(::fcntl(accepted.get(), F_DUPFD_CLOEXEC, next_fd));
    if (!fd) return WaitForRoom(errno);
    next_fd = kFirstPeerFd + (fd.get() + 1 - kFirstPeerFd) % kPeerFds;
    if (!peer.full_control && !readers.Admit(fd.get(), peer)) return reader_handlers->TellTooMany(peer);
    grpc::AddInsecureChannelFromFd((peer.full_control ? full : reader).get(), fd.Release());
  }

  void Run() {
    for (;;) {
      pollfd wait[2] = {{listener.get(), POLLIN, 0}, {wake.get(), POLLIN, 0}};
      if (::poll(wait, 2, -1) < 0 && errno != EINTR) return;
      if (wait[1].revents) return;
      if (wait[0].revents & POLLIN) Accept();
    }
  }
};

ControlServer::ControlServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<ControlServer>> ControlServer::Start(const ControlConfig& config, Sensor& sensor,
                                                            ControlObserver observer) {
  auto parts = std::make_unique<Parts>(sensor);
  Parts* p = parts.get();
  p->full_handlers = std::make_unique<Handlers>(
      sensor,
      [](const std::string&) {
        return Peer{0, 0, true, std::nullopt};
      },
      observer);
  p->reader_handlers = std::make_unique<Handlers>(
      sensor, [p](const std::string& peer) { return p->readers.Find(peer); }, observer);
  const auto build = [](Handlers* handlers) {
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.RegisterService(handlers);
    return builder.BuildAndStart();
  };
  p->full = build(p->full_handlers.get());
  p->reader = build(p->reader_handlers.get());
  if (!p->full || !p->reader) return Fail(Code::kInternal, "the control server did not start");
  if (!config.socket.empty()) {
    auto listener = Listen(config.socket);
    WEIR_TRY(listener);
    p->listener = std::move(*listener);
    p->path = config.socket;
    p->wake = Fd(::eventfd(0, EFD_CLOEXEC));
    if (!p->wake) return FailErrno("eventfd", errno);
    p->acceptor = std::thread([p] { p->Run(); });
  }
  return std::unique_ptr<ControlServer>(new ControlServer(std::move(parts)));
}

std::shared_ptr<grpc::Channel> ControlServer::InProcessChannel() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  return parts_->full->InProcessChannel(arguments);
}

void ControlServer::Shutdown(std::chrono::milliseconds grace) {
  if (parts_->acceptor.joinable()) {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(parts_->wake.get(), &one, sizeof(one)));
    parts_->acceptor.join();
    ::unlink(parts_->path.c_str());
  }
  const auto deadline = std::chrono::system_clock::now() + grace;
  parts_->full->Shutdown(deadline);
  parts_->reader->Shutdown(deadline);
}

ControlServer::~ControlServer() { Shutdown(std::chrono::milliseconds(1000)); }

}  // namespace weir::control
