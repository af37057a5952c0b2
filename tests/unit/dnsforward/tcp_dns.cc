// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dnsforward/tcp_dns.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>

#include "sensor/base/netns.h"
#include "sensor/dnsforward/frame.h"

namespace weir::dns_forward::test {
namespace {

void Append16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

}  // namespace

std::shared_ptr<policy::CompiledPolicy> Policy(policy::Mode mode) {
  auto compiled = std::make_shared<policy::CompiledPolicy>();
  compiled->mode = mode;
  policy::NameRule rule;
  rule.wire = Wire("example.org");
  rule.wildcard = true;
  rule.rule_id = 1;
  rule.ports.push_back({policy::kAnyProcess, 1, 443, 6});
  compiled->names.push_back(rule);
  return compiled;
}

std::string Wire(std::string_view text) {
  std::string wire;
  while (!text.empty()) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    wire += static_cast<char>(dot);
    wire += text.substr(0, dot);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return wire + '\0';
}

policy::Address V4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

std::string MakeQuery(std::uint16_t id, std::string_view name, std::uint16_t type) {
  std::string query;
  Append16(query, id);
  for (const unsigned field : {0x0100u, 1u, 0u, 0u, 0u}) Append16(query, field);
  query += Wire(name);
  Append16(query, type);
  Append16(query, 1);
  return query;
}

std::string MakeAnswer(std::string_view query, const std::vector<policy::Address>& addresses, unsigned flags) {
  std::string answer(query.substr(0, 2));
  for (const unsigned field : {flags, 1u, static_cast<unsigned>(addresses.size()), 0u, 0u}) Append16(answer, field);
  answer += query.substr(12);
  for (const policy::Address& address : addresses) {
    const bool v4 = address[10] == 0xff && address[0] == 0;
    Append16(answer, 0xc00c);
    Append16(answer, v4 ? 1 : 28);
    Append16(answer, 1);
    Append16(answer, 0);
    Append16(answer, 60);
    Append16(answer, v4 ? 4 : 16);
    answer.append(address.begin() + (v4 ? 12 : 0), address.end());
  }
  return answer;
}

TcpDnsServer::TcpDnsServer(Answer answer, int netns_fd) : answer_(std::move(answer)) {
  auto listeners = OpenListeners(netns_fd);
  EXPECT_TRUE(listeners) << listeners.error().what;
  listener_ = std::move(listeners->v4);
  thread_ = std::thread([this] { Run(); });
}

TcpDnsServer::~TcpDnsServer() {
  stop_ = true;
  thread_.join();
  for (std::thread& serving : serving_) serving.join();
}

void TcpDnsServer::Run() {
  while (!stop_) {
    pollfd ready{listener_.fd.get(), POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) continue;
    const int fd = accept4(listener_.fd.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    serving_.emplace_back([this, fd] { Serve(fd); });
  }
}

void TcpDnsServer::Serve(int raw_fd) {
  const Fd fd(raw_fd);
  FrameReader reader;
  while (!stop_) {
    pollfd ready{fd.get(), POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) continue;
    char buffer[4096];
    const ssize_t got = recv(fd.get(), buffer, sizeof(buffer), 0);
    if (got <= 0) return;
    reader.Add({buffer, static_cast<std::size_t>(got)});
    while (const auto message = reader.Next()) {
      const std::string query(*message);
      {
        std::lock_guard lock(mutex_);
        queries_.push_back(query);
      }
      for (const std::string& answer : answer_(query)) {
        if (answer == "close") return;
        std::string framed;
        AppendFrame(framed, answer);
        if (send(fd.get(), framed.data(), framed.size(), MSG_NOSIGNAL) < 0) return;
      }
    }
  }
}

std::vector<std::string> TcpDnsServer::Queries() {
  std::lock_guard lock(mutex_);
  return queries_;
}

TcpDnsClient::TcpDnsClient(std::uint16_t port, int netns_fd, bool v6) {
  auto made = MakeInNetns(netns_fd, [&]() -> Result<Fd> {
    Fd fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval five_seconds{5, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &five_seconds, sizeof(five_seconds));
    setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &five_seconds, sizeof(five_seconds));
    sockaddr_in to4{};
    to4.sin_family = AF_INET;
    to4.sin_port = htons(port);
    to4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 to6{};
    to6.sin6_family = AF_INET6;
    to6.sin6_port = htons(port);
    to6.sin6_addr = in6addr_loopback;
    const int failed = v6 ? connect(fd.get(), reinterpret_cast<sockaddr*>(&to6), sizeof(to6))
                          : connect(fd.get(), reinterpret_cast<sockaddr*>(&to4), sizeof(to4));
    if (failed) return FailErrno("connect", errno);
    return fd;
  });
  EXPECT_TRUE(made) << made.error().what;
  if (made) fd_ = *std::move(made);
}

void TcpDnsClient::SendRaw(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void TcpDnsClient::Send(std::string_view message) {
  std::string framed;
  AppendFrame(framed, message);
  SendRaw(framed);
}

std::string TcpDnsClient::Receive() {
  std::string head, message;
  if (!ReceiveExactly(head, 2)) return {};
  const std::size_t size = Id(head);
  return ReceiveExactly(message, size) ? message : std::string();
}

bool TcpDnsClient::ReceiveExactly(std::string& out, std::size_t bytes) {
  out.resize(bytes);
  for (std::size_t at = 0; at < bytes;) {
    const ssize_t got = recv(fd_.get(), out.data() + at, bytes - at, 0);
    if (got <= 0) return false;
    at += static_cast<std::size_t>(got);
  }
  return true;
}

void TcpDnsClient::ShutdownWrite() { shutdown(fd_.get(), SHUT_WR); }

}  // namespace weir::dns_forward::test
