// SPDX-License-Identifier: Apache-2.0
// DNS messages for the lab (RFC 1035, RFC 6891): enough to serve and to ask, written apart from Weir's own parser so
// that a misreading is not shared by the program and its test.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::lab {

inline constexpr std::uint16_t kTypeA = 1;
inline constexpr std::uint16_t kTypeCname = 5;
inline constexpr std::uint16_t kTypeAaaa = 28;
inline constexpr std::uint16_t kTypeOpt = 41;
inline constexpr std::uint16_t kClassIn = 1;
inline constexpr std::uint8_t kRcodeNxdomain = 3;

using Bytes = std::vector<std::uint8_t>;

/// One question as it was received.
struct Query {
  std::uint16_t id = 0;
  Bytes question{};    ///< as sent: name, type, class; upper and lower case kept (0x20)
  std::string name{};  ///< lower case, dots between labels, no final dot; other bytes as \DDD
  std::uint16_t type = 0;
  bool edns = false;
  bool recursion_desired = false;
};

/// Nothing when `packet` is not a query with exactly one question.
std::optional<Query> ParseQuery(std::span<const std::uint8_t> packet);

/// "a.b" to length bytes and labels with the root label; case is kept. `\DDD` is one byte.
Bytes WireName(std::string_view text);

/// Writes a message section by section. Counts in the header follow what was added.
class Message {
 public:
  /// flags: the second 16 bits of the header.
  Message(std::uint16_t id, std::uint16_t flags);
  void AddQuestion(const Bytes& question);
  void AddQuestion(const Bytes& name, std::uint16_t type);
  /// owner: wire bytes, compression pointers included.
  void AddAnswer(const Bytes& owner, std::uint16_t type, std::uint32_t ttl_s, const Bytes& data,
                 std::uint16_t klass = kClassIn);
  void AddAdditional(const Bytes& owner, std::uint16_t type, std::uint16_t klass, std::uint32_t ttl_s,
                     const Bytes& data);
  /// EDNS OPT record (RFC 6891 6.1.2).
  void AddOpt(std::uint16_t udp_bytes);
  Bytes& bytes() { return bytes_; }

 private:
  void Count(std::size_t at);
  void Record(const Bytes& owner, std::uint16_t type, std::uint16_t klass, std::uint32_t ttl_s, const Bytes& data);
  Bytes bytes_;
};

/// Pointer to the question's name, where every answer of one question may point (RFC 1035 4.1.4).
inline const Bytes kQuestionPointer = {0xc0, 0x0c};

/// Addresses (text) of the A and AAAA records in a well-formed answer; owners are not checked.
struct Answer {
  std::uint16_t id = 0;
  std::uint8_t rcode = 0;
  bool truncated = false;
  std::vector<std::string> addresses{};
};
std::optional<Answer> ParseAnswer(std::span<const std::uint8_t> packet);

void Put16(Bytes& out, std::uint16_t value);
void Put32(Bytes& out, std::uint32_t value);

}  // namespace weir::lab
