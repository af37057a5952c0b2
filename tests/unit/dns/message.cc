// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dns/message.h"

namespace weir::dnstest {

Bytes Wire(std::string_view dotted) {
  Bytes wire;
  while (!dotted.empty()) {
    const auto label = dotted.substr(0, dotted.find('.'));
    wire.push_back(static_cast<std::uint8_t>(label.size()));
    wire.insert(wire.end(), label.begin(), label.end());
    dotted.remove_prefix(std::min(label.size() + 1, dotted.size()));
  }
  wire.push_back(0);
  return wire;
}

Address V4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d};
}

Message::Message(std::uint16_t id, std::uint16_t flags, std::uint16_t questions, std::uint16_t answers,
                 std::uint16_t authorities, std::uint16_t additionals) {
  U16(id).U16(flags).U16(questions).U16(answers).U16(authorities).U16(additionals);
}

Message& Message::U8(unsigned value) {
  bytes_.push_back(static_cast<std::uint8_t>(value & 0xff));
  return *this;
}

Message& Message::U16(unsigned value) { return U8(value >> 8).U8(value); }

Message& Message::U32(std::uint32_t value) { return U16(value >> 16).U16(value); }

Message& Message::Raw(const Bytes& bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

Message& Message::Raw(std::string_view bytes) {
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

Message& Message::Question(std::string_view name, unsigned type, unsigned klass) {
  return Name(name).U16(type).U16(klass);
}

Message& Message::Record(unsigned type, const Bytes& data, std::uint32_t ttl, unsigned klass) {
  return U16(type).U16(klass).U32(ttl).U16(static_cast<unsigned>(data.size())).Raw(data);
}

Message& Message::A(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint32_t ttl) {
  return Record(kA, {a, b, c, d}, ttl);
}

Message& Message::Aaaa(const Address& address, std::uint32_t ttl) {
  return Record(kAaaa, Bytes(address.begin(), address.end()), ttl);
}

Message& Message::Edns(const Bytes& data, std::uint32_t ttl, unsigned udp_size) {
  return U8(0).Record(kOpt, data, ttl, udp_size);
}

Message Query(std::string_view name, unsigned type, std::uint16_t additionals) {
  Message message(kId, kQueryFlags, 1, 0, 0, additionals);
  message.Question(name, type);
  return message;
}

Message Answer(std::string_view name, unsigned type, std::uint16_t answers) {
  Message message(kId, kAnswerFlags, 1, answers);
  message.Question(name, type);
  return message;
}

}  // namespace weir::dnstest
