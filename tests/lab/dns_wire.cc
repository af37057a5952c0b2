// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/dns_wire.h"

#include <arpa/inet.h>

#include <array>
#include <cctype>
#include <cstdio>

namespace weir::lab {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::uint16_t kFlagResponse = 0x8000;
constexpr std::uint16_t kFlagTruncated = 0x0200;
constexpr std::uint16_t kFlagRecursion = 0x0100;

std::uint16_t Get16(std::span<const std::uint8_t> packet, std::size_t at) {
  return static_cast<std::uint16_t>(packet[at] << 8 | packet[at + 1]);
}

/// Skips a name; nothing when it runs past the end.
std::optional<std::size_t> SkipName(std::span<const std::uint8_t> packet, std::size_t at) {
  while (at < packet.size()) {
    const std::uint8_t length = packet[at];
    if (length == 0) return at + 1;
    if ((length & 0xc0) == 0xc0) return at + 2;
    at += 1u + length;
  }
  return std::nullopt;
}

void AppendLabel(std::string& text, std::span<const std::uint8_t> label) {
  if (!text.empty()) text += '.';
  for (const std::uint8_t byte : label) {
    if (std::isalnum(byte) != 0 || byte == '-' || byte == '_' || byte == '*') {
      text += static_cast<char>(std::tolower(byte));
    } else {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\%03u", byte);
      text += escaped.data();
    }
  }
}

}  // namespace

void Put16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

void Put32(Bytes& out, std::uint32_t value) {
  Put16(out, static_cast<std::uint16_t>(value >> 16));
  Put16(out, static_cast<std::uint16_t>(value & 0xffff));
}

std::optional<Query> ParseQuery(std::span<const std::uint8_t> packet) {
  if (packet.size() < kHeaderBytes || (Get16(packet, 2) & kFlagResponse) != 0 || Get16(packet, 4) != 1) {
    return std::nullopt;
  }
  Query query{.id = Get16(packet, 0), .recursion_desired = (Get16(packet, 2) & kFlagRecursion) != 0};
  std::size_t at = kHeaderBytes;
  while (at < packet.size() && packet[at] != 0) {
    const std::size_t length = packet[at];
    if (length > 63 || at + 1 + length >= packet.size()) return std::nullopt;
    AppendLabel(query.name, packet.subspan(at + 1, length));
    at += 1 + length;
  }
  if (at + 5 > packet.size()) return std::nullopt;
  query.type = Get16(packet, at + 1);
  query.question.assign(packet.begin() + kHeaderBytes, packet.begin() + static_cast<std::ptrdiff_t>(at) + 5);
  const std::size_t opt = at + 5;
  query.edns = Get16(packet, 10) > 0 && opt + 3 <= packet.size() && Get16(packet, opt + 1) == kTypeOpt;
  return query;
}

Bytes WireName(std::string_view text) {
  Bytes wire;
  Bytes label;
  const auto end_label = [&] {
    if (label.empty()) return;
    wire.push_back(static_cast<std::uint8_t>(label.size()));
    wire.insert(wire.end(), label.begin(), label.end());
    label.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '.') {
      end_label();
    } else if (text[i] == '\\' && i + 3 < text.size()) {
      label.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i + 1, 3)))));
      i += 3;
    } else {
      label.push_back(static_cast<std::uint8_t>(text[i]));
    }
  }
  end_label();
  wire.push_back(0);
  return wire;
}

Message::Message(std::uint16_t id, std::uint16_t flags) {
  Put16(bytes_, id);
  Put16(bytes_, flags);
  bytes_.resize(kHeaderBytes);
}

void Message::Count(std::size_t at) {
  const auto count = static_cast<std::uint16_t>(Get16(bytes_, at) + 1);
  bytes_[at] = static_cast<std::uint8_t>(count >> 8);
  bytes_[at + 1] = static_cast<std::uint8_t>(count & 0xff);
}

void Message::AddQuestion(const Bytes& question) {
  bytes_.insert(bytes_.end(), question.begin(), question.end());
  Count(4);
}

void Message::AddQuestion(const Bytes& name, std::uint16_t type) {
  Bytes question = name;
  Put16(question, type);
  Put16(question, kClassIn);
  AddQuestion(question);
}

void Message::Record(const Bytes& owner, std::uint16_t type, std::uint16_t klass, std::uint32_t ttl_s,
                     const Bytes& data) {
  bytes_.insert(bytes_.end(), owner.begin(), owner.end());
  Put16(bytes_, type);
  Put16(bytes_, klass);
  Put32(bytes_, ttl_s);
  Put16(bytes_, static_cast<std::uint16_t>(data.size()));
  bytes_.insert(bytes_.end(), data.begin(), data.end());
}

void Message::AddAnswer(const Bytes& owner, std::uint16_t type, std::uint32_t ttl_s, const Bytes& data,
                        std::uint16_t klass) {
  Record(owner, type, klass, ttl_s, data);
  Count(6);
}

void Message::AddAdditional(const Bytes& owner, std::uint16_t type, std::uint16_t klass, std::uint32_t ttl_s,
                            const Bytes& data) {
  Record(owner, type, klass, ttl_s, data);
  Count(10);
}

void Message::AddOpt(std::uint16_t udp_bytes) { AddAdditional({0}, kTypeOpt, udp_bytes, 0, {}); }

std::optional<Answer> ParseAnswer(std::span<const std::uint8_t> packet) {
  if (packet.size() < kHeaderBytes || (Get16(packet, 2) & kFlagResponse) == 0) return std::nullopt;
  Answer answer{.id = Get16(packet, 0),
                .rcode = static_cast<std::uint8_t>(packet[3] & 0x0f),
                .truncated = (Get16(packet, 2) & kFlagTruncated) != 0};
  std::size_t at = kHeaderBytes;
  for (unsigned i = 0; i < Get16(packet, 4); ++i) {
    const auto next = SkipName(packet, at);
    if (!next || *next + 4 > packet.size()) return std::nullopt;
    at = *next + 4;
  }
  for (unsigned i = 0; i < Get16(packet, 6); ++i) {
    const auto next = SkipName(packet, at);
    if (!next || *next + 10 > packet.size()) return std::nullopt;
    const std::uint16_t type = Get16(packet, *next);
    const std::size_t length = Get16(packet, *next + 8);
    const std::size_t data = *next + 10;
    if (data + length > packet.size()) return std::nullopt;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if ((type == kTypeA && length == 4) || (type == kTypeAaaa && length == 16)) {
      inet_ntop(type == kTypeA ? AF_INET : AF_INET6, &packet[data], text.data(), text.size());
      answer.addresses.emplace_back(text.data());
    }
    at = data + length;
  }
  return answer;
}

}  // namespace weir::lab
