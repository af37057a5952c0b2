// SPDX-License-Identifier: Apache-2.0
// lab-sink: takes everything that is sent to its namespace and says what arrived where. TCP ports answer a GET with a
// small page (/bytes/N: N bytes), UDP ports echo.
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tests/lab/sockets.h"

namespace weir::lab {
namespace {

constexpr std::size_t kMaxRequest = 16384;
constexpr std::size_t kMaxBody = 64u << 20;

struct Listener {
  Fd fd;
  bool tcp = false;
};

/// An accepted connection until its request has been read and answered.
struct Visitor {
  Fd fd;
  std::string request;
};

std::string Body(const std::string& request) {
  const std::string prefix = "GET /bytes/";
  if (request.starts_with(prefix)) {
    const std::size_t wanted = std::strtoull(request.c_str() + prefix.size(), nullptr, 10);
    return std::string(std::min(wanted, kMaxBody), 'w');
  }
  return "served by the lab\n";
}

void SendAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
}

class Sink {
 public:
  explicit Sink(LineLog log) : log_(std::move(log)), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

  Result<> Listen(bool tcp, const std::vector<std::uint16_t>& ports) {
    for (const std::uint16_t port : ports) {
      for (const int family : {AF_INET, AF_INET6}) {
        auto fd = BindAny(family, tcp ? SOCK_STREAM : SOCK_DGRAM, port);
        if (!fd) return tl::unexpected(fd.error());
        Watch(fd->get());
        const int key = fd->get();
        listeners_.emplace(key, Listener{std::move(*fd), tcp});
      }
    }
    return {};
  }

  [[noreturn]] void Run() {
    for (;;) {
      std::array<epoll_event, 64> events{};
      const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) Serve(events[static_cast<std::size_t>(i)].data.fd);
    }
  }

 private:
  void Watch(int fd) const {
    epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
  }

  void Serve(int fd) {
    const auto listener = listeners_.find(fd);
    if (listener == listeners_.end()) {
      Read(fd);
    } else if (listener->second.tcp) {
      Accept(fd);
    } else {
      Echo(fd);
    }
  }

  void Accept(int listener) {
    for (;;) {
      sockaddr_storage peer{};
      socklen_t length = sizeof(peer);
      Fd fd(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));
      if (!fd) return;
      const sockaddr_storage local = LocalAddress(fd.get());
      log_.Write("tcp " + AddressText(peer) + " " + AddressText(local) + " " + std::to_string(Port(local)) + " accept");
      Watch(fd.get());
      const int key = fd.get();
      visitors_.insert_or_assign(key, Visitor{std::move(fd), {}});
    }
  }

  void Read(int fd) {
    Visitor& visitor = visitors_.at(fd);
    std::array<char, 4096> buffer{};
    const ssize_t received = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (received > 0) visitor.request.append(buffer.data(), static_cast<std::size_t>(received));
    const bool whole = visitor.request.find("\r\n\r\n") != std::string::npos || visitor.request.size() > kMaxRequest;
    if (received > 0 && !whole) return;
    if (!visitor.request.empty()) Answer(visitor);
    visitors_.erase(fd);
  }

  void Answer(const Visitor& visitor) {
    const sockaddr_storage local = LocalAddress(visitor.fd.get());
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(visitor.request.data()), visitor.request.size());
    log_.Write("tcp - " + AddressText(local) + " " + std::to_string(Port(local)) + " data " + Escape(bytes));
    const std::string body = Body(visitor.request);
    SendAll(visitor.fd.get(), "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }

  void Echo(int fd) {
    const std::uint16_t port = Port(LocalAddress(fd));
    while (const auto datagram = Receive(fd)) {
      log_.Write("udp " + AddressText(datagram->peer) + " " + AddressText(datagram->local) + " " +
                 std::to_string(port) + " data " + Escape(datagram->data));
      Reply(fd, *datagram, datagram->data);
    }
  }

  LineLog log_;
  Fd epoll_;
  std::map<int, Listener> listeners_;
  std::map<int, Visitor> visitors_;
};

Result<> Run(const std::vector<std::uint16_t>& tcp, const std::vector<std::uint16_t>& udp, const std::string& log_path,
             const std::string& ready) {
  auto log = LineLog::Open(log_path);
  if (!log) return tl::unexpected(log.error());
  Sink sink(std::move(*log));
  WEIR_TRY(sink.Listen(true, tcp));
  WEIR_TRY(sink.Listen(false, udp));
  WEIR_TRY(TellReady(ready));
  sink.Run();
}

}  // namespace
}  // namespace weir::lab

int main(int argc, char** argv) {
  CLI::App app("Takes and logs what is sent");
  std::vector<std::uint16_t> tcp;
  std::vector<std::uint16_t> udp;
  std::string log;
  std::string ready;
  app.add_option("--tcp", tcp, "TCP ports")->delimiter(',');
  app.add_option("--udp", udp, "UDP ports")->delimiter(',');
  app.add_option("--log", log, "File for one line an arrival: transport client server port what");
  app.add_option("--ready", ready, "File to create once it listens");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  const auto result = weir::lab::Run(tcp, udp, log, ready);
  if (!result) std::fprintf(stderr, "lab-sink: %s\n", result.error().what.c_str());
  return 1;
}
