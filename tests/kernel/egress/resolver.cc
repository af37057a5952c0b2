// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/egress/resolver.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sensor/base/fd.h"

namespace weir::lab {
namespace {

constexpr std::uint16_t kTypeA = 1;

void Put16(std::string* out, unsigned value) {
  out->push_back(static_cast<char>(value >> 8));
  out->push_back(static_cast<char>(value));
}

unsigned Get16(const std::string& in, std::size_t at) {
  return static_cast<unsigned>(static_cast<unsigned char>(in[at]) << 8 | static_cast<unsigned char>(in[at + 1]));
}

// Behind the name at `at`; no compression followed, one pointer ends a name.
std::size_t SkipName(const std::string& in, std::size_t at) {
  while (at < in.size()) {
    const auto length = static_cast<unsigned char>(in[at]);
    if (length >= 0xc0) return at + 2;
    at += 1u + length;
    if (length == 0) return at;
  }
  return in.size();
}

std::string MakeAnswer(const std::string& query, std::uint32_t address) {
  const std::size_t end = SkipName(query, 12) + 4;
  if (end > query.size()) return {};
  const bool a = Get16(query, end - 4) == kTypeA;
  std::string out = query.substr(0, 2);
  Put16(&out, 0x8180);
  Put16(&out, 1);
  Put16(&out, a ? 2 : 0);
  Put16(&out, 0);
  Put16(&out, 0);
  out += query.substr(12, end - 12);
  if (!a) return out;
  const std::string target = WireName("edge.cdn.example.net");
  Put16(&out, 0xc00c);
  Put16(&out, 5);
  Put16(&out, 1);
  out.append(4, '\0');
  Put16(&out, static_cast<unsigned>(target.size()));
  const std::size_t at = out.size();
  out += target;
  Put16(&out, 0xc000 | static_cast<unsigned>(at));
  Put16(&out, kTypeA);
  Put16(&out, 1);
  out.append(4, '\0');
  Put16(&out, 4);
  Put16(&out, address >> 16);
  Put16(&out, address & 0xffff);
  return out;
}

}  // namespace

std::string WireName(const std::string& name) {
  std::string wire;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    wire.push_back(static_cast<char>(dot - at));
    wire += name.substr(at, dot - at);
    at = dot + 1;
  }
  wire.push_back('\0');
  return wire;
}

std::string MakeQuery(std::uint16_t id, const std::string& name, std::uint16_t type, bool edns) {
  std::string out;
  Put16(&out, id);
  Put16(&out, 0x0100);
  Put16(&out, 1);
  Put16(&out, 0);
  Put16(&out, 0);
  Put16(&out, edns ? 1 : 0);
  out += WireName(name);
  Put16(&out, type);
  Put16(&out, 1);
  if (edns) {
    out.push_back('\0');
    Put16(&out, 41);
    Put16(&out, 1232);
    out.append(4, '\0');
    Put16(&out, 0);
  }
  return out;
}

bool ParseAnswer(const std::string& message, Answer* answer) {
  if (message.size() < 12) return false;
  answer->id = static_cast<std::uint16_t>(Get16(message, 0));
  answer->rcode = message[3] & 15;
  answer->addresses.clear();
  std::size_t at = SkipName(message, 12) + 4;
  for (unsigned i = 0; i < Get16(message, 6); i++) {
    at = SkipName(message, at);
    if (at + 10 > message.size()) return false;
    const unsigned type = Get16(message, at), length = Get16(message, at + 8);
    at += 10;
    if (at + length > message.size()) return false;
    char text[INET_ADDRSTRLEN];
    if (type == kTypeA && length == 4)
      answer->addresses.emplace_back(inet_ntop(AF_INET, message.data() + at, text, sizeof(text)));
    at += length;
  }
  return true;
}

sockaddr_in Ipv4(const std::string& address, std::uint16_t port) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &at.sin_addr);
  return at;
}

int ServeFreshAddresses(const std::string& address, int ready_fd) {
  const Fd fd(socket(AF_INET, SOCK_DGRAM, 0));
  const sockaddr_in at = Ipv4(address, 53);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at))) return 1;
  if (write(ready_fd, "r", 1) != 1) return 2;
  std::uint32_t next = 0x0a400001;
  for (char buffer[4096];;) {
    sockaddr_in from{};
    socklen_t length = sizeof(from);
    const ssize_t got = recvfrom(fd.get(), buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 12) continue;
    const std::string out = MakeAnswer(std::string(buffer, static_cast<std::size_t>(got)), next++);
    sendto(fd.get(), out.data(), out.size(), 0, reinterpret_cast<const sockaddr*>(&from), length);
  }
}

int Ask(int fd, std::uint16_t id, const std::string& name, Answer* answer, bool edns) {
  const std::string query = MakeQuery(id, name, kTypeA, edns);
  if (send(fd, query.data(), query.size(), 0) < 0) return errno;
  const timeval limit{2, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  char buffer[4096];
  for (;;) {
    const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
    if (got < 0) return ETIMEDOUT;
    if (ParseAnswer(std::string(buffer, static_cast<std::size_t>(got)), answer) && answer->id == id) return 0;
  }
}

}  // namespace weir::lab
