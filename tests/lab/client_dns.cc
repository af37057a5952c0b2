// SPDX-License-Identifier: Apache-2.0
#include <poll.h>

#include <array>
#include <cctype>
#include <cstdio>
#include <set>

#include "tests/lab/client.h"
#include "tests/lab/dns_wire.h"
#include "tests/lab/sockets.h"

namespace weir::lab {
namespace {

constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kEdnsBytes = 1232;
constexpr int kAnswerTimeoutMs = 3000;
constexpr std::uint16_t kDnsPort = 53;

Bytes Question(const BurstOptions& options, unsigned number) {
  std::string name = Expand(options.pattern, 0, number);
  for (std::size_t i = 0; options.mixed_case && i < name.size(); i += 2) {
    name[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[i])));
  }
  Message message(static_cast<std::uint16_t>(number + 1), kRecursionDesired);
  message.AddQuestion(WireName(name), options.type);
  if (options.edns) message.AddOpt(kEdnsBytes);
  return std::move(message.bytes());
}

struct Tally {
  unsigned sent = 0;
  unsigned refused = 0;  ///< EPERM
  unsigned failed = 0;
  std::set<std::uint16_t> answered;
  unsigned without_address = 0;
  std::vector<std::string> addresses;
};

void Count(Tally& tally, std::span<const std::uint8_t> packet) {
  const auto answer = ParseAnswer(packet);
  if (!answer || !tally.answered.insert(answer->id).second) return;
  if (answer->addresses.empty()) ++tally.without_address;
  tally.addresses.insert(tally.addresses.end(), answer->addresses.begin(), answer->addresses.end());
}

void AskByUdp(const Fd& fd, const BurstOptions& options, Tally& tally) {
  for (unsigned i = 0; i < options.count; ++i) {
    const Bytes question = Question(options, i);
    if (::send(fd.get(), question.data(), question.size(), 0) >= 0) {
      ++tally.sent;
    } else if (errno == EPERM) {
      ++tally.refused;
    } else {
      ++tally.failed;
    }
  }
  pollfd waiting{fd.get(), POLLIN, 0};
  while (tally.answered.size() < tally.sent && ::poll(&waiting, 1, kAnswerTimeoutMs) == 1) {
    std::array<std::uint8_t, 4096> packet{};
    const ssize_t received = ::recv(fd.get(), packet.data(), packet.size(), 0);
    if (received > 0) Count(tally, std::span(packet).first(static_cast<std::size_t>(received)));
  }
}

void AskByTcp(const Fd& fd, const BurstOptions& options, Tally& tally) {
  Bytes stream;
  for (unsigned i = 0; i < options.count; ++i) {
    const Bytes question = Question(options, i);
    Put16(stream, static_cast<std::uint16_t>(question.size()));
    stream.insert(stream.end(), question.begin(), question.end());
  }
  if (::send(fd.get(), stream.data(), stream.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(stream.size())) {
    tally.failed = options.count;
    return;
  }
  tally.sent = options.count;
  if (options.leave) {
    const linger at_once{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    return;
  }
  Bytes input;
  pollfd waiting{fd.get(), POLLIN, 0};
  while (tally.answered.size() < tally.sent && ::poll(&waiting, 1, kAnswerTimeoutMs) == 1) {
    std::array<std::uint8_t, 4096> buffer{};
    const ssize_t received = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (received <= 0) break;
    input.insert(input.end(), buffer.begin(), buffer.begin() + received);
    while (input.size() >= 2) {
      const std::size_t size = static_cast<std::size_t>(input[0]) << 8 | input[1];
      if (input.size() < 2 + size) break;
      Count(tally, std::span(input).subspan(2, size));
      input.erase(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(2 + size));
    }
  }
}

}  // namespace

int Burst(const BurstOptions& options) {
  const auto server = MakeAddress(options.server, kDnsPort);
  if (!server) return 64;
  const Fd fd(::socket(server->ss_family, (options.tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*server), Length(*server)) != 0) {
    std::printf("burst connect=%s\n", ErrnoName(errno).c_str());
    return 1;
  }
  Tally tally;
  if (options.tcp) {
    AskByTcp(fd, options, tally);
  } else {
    AskByUdp(fd, options, tally);
  }
  unsigned connected = 0;
  unsigned refused = 0;
  for (const std::string& address : tally.addresses) {
    if (options.connect_port == 0) break;
    const Attempt attempt = ResolveAndConnect({address, options.connect_port});
    connected += attempt.outcome == Outcome::kOk;
    refused += attempt.outcome == Outcome::kRefused;
  }
  std::printf("burst sent=%u eperm=%u failed=%u answered=%zu empty=%u addresses=%zu connected=%u connect_eperm=%u\n",
              tally.sent, tally.refused, tally.failed, tally.answered.size(), tally.without_address,
              tally.addresses.size(), connected, refused);
  return 0;
}

}  // namespace weir::lab
