// SPDX-License-Identifier: Apache-2.0
// DNS over TCP for tests: messages, a server of few lines that does what a test tells it, and a client.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "policy/compiled.h"
#include "sensor/base/fd.h"
#include "sensor/dnsforward/netns.h"

namespace weir::dns_forward::test {

/// "www.example.org" to wire form with root label.
std::string Wire(std::string_view text);

/// Allows example.org and what is below it at 443/tcp.
std::shared_ptr<policy::CompiledPolicy> Policy(policy::Mode mode);
policy::Address V4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);

std::string MakeQuery(std::uint16_t id, std::string_view name, std::uint16_t type = 1);
/// Repeats the query's header id and question. Addresses of both families may be mixed.
std::string MakeAnswer(std::string_view query, const std::vector<policy::Address>& addresses, unsigned flags = 0x8180);

/// Listens on 127.0.0.1 of a namespace. `answer` gives the messages to send back for one query, in order; it runs on
/// the connection's thread and may sleep. An answer of "close" closes the connection.
class TcpDnsServer {
 public:
  using Answer = std::function<std::vector<std::string>(const std::string& query)>;

  explicit TcpDnsServer(Answer answer, int netns_fd = -1);
  ~TcpDnsServer();

  [[nodiscard]] std::uint16_t port() const { return listener_.port; }
  [[nodiscard]] int listener_fd() const { return listener_.fd.get(); }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] std::vector<std::string> Queries();

 private:
  void Run();
  void Serve(int fd);

  Answer answer_;
  Listener listener_;
  std::atomic<bool> stop_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::vector<std::string> queries_;
  std::vector<std::thread> serving_;
  std::thread thread_;
};

/// Blocking, with a deadline of five seconds for everything.
class TcpDnsClient {
 public:
  TcpDnsClient(std::uint16_t port, int netns_fd = -1, bool v6 = false);

  void SendRaw(std::string_view bytes);
  void Send(std::string_view message);
  /// The next message; empty when the connection ended or the deadline passed.
  [[nodiscard]] std::string Receive();
  [[nodiscard]] std::string Ask(std::string_view message) {
    Send(message);
    return Receive();
  }
  void ShutdownWrite();
  [[nodiscard]] bool connected() const { return static_cast<bool>(fd_); }
  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  [[nodiscard]] bool ReceiveExactly(std::string& out, std::size_t bytes);
  Fd fd_;
};

inline unsigned Rcode(const std::string& message) {
  return message.size() < 12 ? 255u : static_cast<unsigned>(message[3] & 15);
}
inline unsigned Id(const std::string& message) {
  return message.size() < 2 ? 0xfffffu
                            : static_cast<unsigned>(static_cast<std::uint8_t>(message[0]) << 8 |
                                                    static_cast<std::uint8_t>(message[1]));
}

}  // namespace weir::dns_forward::test
