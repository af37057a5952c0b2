// SPDX-License-Identifier: Apache-2.0
// lab-dns: a name server on every address of its namespace, over UDP and TCP. Its log is the tests' oracle: a question
// that is not in it did not leave the job.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <list>

#include "tests/lab/dns_wire.h"
#include "tests/lab/forge.h"
#include "tests/lab/sockets.h"
#include "tests/lab/zone.h"

namespace weir::lab {
namespace {

constexpr std::uint16_t kAnswerFlags = 0x8480;  // QR, AA, RA
constexpr std::uint16_t kTruncated = 0x0200;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kEdnsBytes = 1232;
constexpr int kMaxChain = 16;

struct Connection {
  Fd fd;
  Bytes input;
};

class Server {
 public:
  Server(Zone zone, LineLog log) : zone_(std::move(zone)), log_(std::move(log)) {}

  Result<> Listen(std::uint16_t port) {
    for (const int family : {AF_INET, AF_INET6}) {
      auto udp = BindAny(family, SOCK_DGRAM, port);
      if (!udp) return tl::unexpected(udp.error());
      udp_.push_back(std::move(*udp));
      auto tcp = BindAny(family, SOCK_STREAM, port);
      if (!tcp) return tl::unexpected(tcp.error());
      tcp_.push_back(std::move(*tcp));
    }
    return {};
  }

  [[noreturn]] void Run() {
    for (;;) {
      std::vector<pollfd> waiting;
      const auto watch = [&](const Fd& fd) { waiting.push_back({fd.get(), POLLIN, 0}); };
      for (const Fd& fd : udp_) watch(fd);
      for (const Fd& fd : tcp_) watch(fd);
      for (const Connection& connection : connections_) watch(connection.fd);
      if (::poll(waiting.data(), waiting.size(), -1) <= 0) continue;
      for (const Fd& fd : udp_) ServeDatagrams(fd.get());
      for (const Fd& fd : tcp_) Accept(fd.get());
      connections_.remove_if([this](Connection& connection) { return !ServeStream(connection); });
    }
  }

 private:
  /// Empty: no answer at all.
  Bytes Answer(std::span<const std::uint8_t> packet, bool tcp, const std::string& from, const std::string& to) {
    const auto query = ParseQuery(packet);
    const std::string transport = tcp ? "tcp" : "udp";
    if (!query) {
      log_.Write(transport + " " + from + " " + to + " malformed " + Escape(packet));
      return {};
    }
    log_.Write(transport + " " + from + " " + to + " " + std::to_string(query->type) + " " + query->name);
    Node* node = zone_.Find(query->name);
    if (node != nullptr && node->silent) return {};
    if (node != nullptr && !node->forge.empty() && query->type == kTypeA && !node->addresses.empty()) {
      return Forge(node->forge, *query, node->addresses.front());
    }
    auto flags = static_cast<std::uint16_t>(kAnswerFlags | (query->recursion_desired ? kRecursionDesired : 0));
    if (node == nullptr) flags |= kRcodeNxdomain;
    const bool truncate = node != nullptr && node->truncate && !tcp;
    if (truncate) flags |= kTruncated;
    Message message(query->id, flags);
    message.AddQuestion(query->question);
    if (node != nullptr && !truncate) AddRecords(message, *node, query->type);
    if (query->edns) message.AddOpt(kEdnsBytes);
    return std::move(message.bytes());
  }

  void AddRecords(Message& message, Node& first, std::uint16_t type) {
    Bytes owner = kQuestionPointer;
    Node* node = &first;
    for (int i = 0; i < kMaxChain && !node->cname.empty(); ++i) {
      message.AddAnswer(owner, kTypeCname, node->ttl_s, WireName(node->cname));
      owner = WireName(node->cname);
      node = zone_.Find(node->cname);
      if (node == nullptr) return;
    }
    const std::size_t wanted = type == kTypeA ? 4 : type == kTypeAaaa ? 16 : 0;
    for (const Bytes& address : node->addresses) {
      if (address.size() == wanted) message.AddAnswer(owner, type, node->ttl_s, address);
    }
    for (AddressRange& range : node->fresh) {
      if (range.base.size() == wanted) message.AddAnswer(owner, type, node->ttl_s, range.Take());
    }
  }

  void ServeDatagrams(int fd) {
    while (const auto datagram = Receive(fd)) {
      const std::string from = AddressText(datagram->peer) + ":" + std::to_string(Port(datagram->peer));
      const Bytes answer = Answer(datagram->data, false, from, AddressText(datagram->local));
      if (!answer.empty()) Reply(fd, *datagram, answer);
    }
  }

  void Accept(int fd) {
    for (;;) {
      Fd accepted(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!accepted) return;
      connections_.push_back({std::move(accepted), {}});
    }
  }

  /// False: the peer has closed.
  bool ServeStream(Connection& connection) {
    std::array<std::uint8_t, 4096> buffer{};
    const ssize_t received = ::recv(connection.fd.get(), buffer.data(), buffer.size(), 0);
    if (received == 0 || (received < 0 && errno != EAGAIN)) return false;
    if (received < 0) return true;
    Bytes& input = connection.input;
    input.insert(input.end(), buffer.begin(), buffer.begin() + received);
    sockaddr_storage peer{};
    socklen_t length = sizeof(peer);
    (void)::getpeername(connection.fd.get(), reinterpret_cast<sockaddr*>(&peer), &length);
    const std::string from = AddressText(peer) + ":" + std::to_string(Port(peer));
    const std::string to = AddressText(LocalAddress(connection.fd.get()));
    while (input.size() >= 2) {
      const std::size_t size = static_cast<std::size_t>(input[0]) << 8 | input[1];
      if (input.size() < 2 + size) break;
      const Bytes answer = Answer(std::span(input).subspan(2, size), true, from, to);
      Bytes framed;
      Put16(framed, static_cast<std::uint16_t>(answer.size()));
      framed.insert(framed.end(), answer.begin(), answer.end());
      if (!answer.empty()) (void)::send(connection.fd.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
      input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(2 + size));
    }
    return true;
  }

  Zone zone_;
  LineLog log_;
  std::vector<Fd> udp_;
  std::vector<Fd> tcp_;
  std::list<Connection> connections_;
};

Result<> Run(const std::string& zone_path, const std::string& log_path, const std::string& ready, std::uint16_t port) {
  auto zone = Zone::Load(zone_path);
  if (!zone) return tl::unexpected(zone.error());
  auto log = LineLog::Open(log_path);
  if (!log) return tl::unexpected(log.error());
  Server server(std::move(*zone), std::move(*log));
  WEIR_TRY(server.Listen(port));
  WEIR_TRY(TellReady(ready));
  server.Run();
}

}  // namespace
}  // namespace weir::lab

int main(int argc, char** argv) {
  CLI::App app("A name server for tests");
  std::string zone;
  std::string log;
  std::string ready;
  std::uint16_t port = 53;
  app.add_option("--zone", zone, "Zone file (format: tests/lab/zone.h)")->required();
  app.add_option("--log", log, "File for one line a question: transport client server type name");
  app.add_option("--ready", ready, "File to create once it listens");
  app.add_option("--port", port, "Port to listen on");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGPIPE, SIG_IGN);
  const auto result = weir::lab::Run(zone, log, ready, port);
  if (!result) std::fprintf(stderr, "lab-dns: %s\n", result.error().what.c_str());
  return 1;
}
