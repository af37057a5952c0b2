// SPDX-License-Identifier: Apache-2.0
// Writes DNS messages byte by byte, right ones and wrong ones, for the tests and fuzzers of bpf/dns.h.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::dnstest {

using Bytes = std::vector<std::uint8_t>;
using Address = std::array<std::uint8_t, 16>;

inline constexpr std::uint16_t kA = 1, kNs = 2, kCname = 5, kPtr = 12, kTxt = 16, kAaaa = 28, kDname = 39, kOpt = 41,
                               kRrsig = 46, kSvcb = 64, kHttps = 65, kAny = 255;
inline constexpr std::uint16_t kId = 0x1234;
inline constexpr std::uint16_t kQueryFlags = 0x0100;   // RD
inline constexpr std::uint16_t kAnswerFlags = 0x8180;  // QR RD RA
inline constexpr std::uint16_t kQuestionAt = 12;       // where the question's name lies

/// "a.example" in wire form, case kept; a label may hold any bytes but a dot.
Bytes Wire(std::string_view dotted);
/// 16 bytes; IPv4 as mapped.
Address V4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);

class Message {
 public:
  Message(std::uint16_t id, std::uint16_t flags, std::uint16_t questions, std::uint16_t answers,
          std::uint16_t authorities = 0, std::uint16_t additionals = 0);

  Message& U8(unsigned value);
  Message& U16(unsigned value);
  Message& U32(std::uint32_t value);
  Message& Raw(const Bytes& bytes);
  Message& Raw(std::string_view bytes);
  Message& Name(std::string_view dotted) { return Raw(Wire(dotted)); }
  Message& Pointer(unsigned offset) { return U16(0xc000u | offset); }
  Message& Question(std::string_view name, unsigned type, unsigned klass = 1);
  /// Type, class, TTL and data with its length: what follows the owner.
  Message& Record(unsigned type, const Bytes& data, std::uint32_t ttl = 300, unsigned klass = 1);
  Message& A(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d, std::uint32_t ttl = 300);
  Message& Aaaa(const Address& address, std::uint32_t ttl = 300);
  /// An OPT record; `data` are its options.
  Message& Edns(const Bytes& data = {}, std::uint32_t ttl = 0, unsigned udp_size = 1232);

  std::uint16_t at() const { return static_cast<std::uint16_t>(bytes_.size()); }
  const Bytes& bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

/// A plain query.
Message Query(std::string_view name, unsigned type = kA, std::uint16_t additionals = 0);
/// Header and question of an answer that will have `answers` records.
Message Answer(std::string_view name, unsigned type, std::uint16_t answers);

}  // namespace weir::dnstest
