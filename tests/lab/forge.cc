// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/forge.h"

#include <map>

namespace weir::lab {
namespace {

constexpr std::uint16_t kAnswerFlags = 0x8580;  // QR, AA, RD, RA
constexpr std::uint32_t kTtl = 60;
constexpr std::uint16_t kClassChaos = 3;

using Variant = Bytes (*)(const Query&, const Bytes&);

Message Begin(const Query& query, std::uint16_t flags = kAnswerFlags) {
  Message message(query.id, flags);
  message.AddQuestion(query.question);
  return message;
}

Bytes WithOwner(const Query& query, const Bytes& owner, const Bytes& address) {
  Message message = Begin(query);
  message.AddAnswer(owner, kTypeA, kTtl, address);
  return message.bytes();
}

Bytes ForeignOwner(const Query& query, const Bytes& address) {
  return WithOwner(query, WireName("other.example.net"), address);
}

Bytes ChainGap(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  message.AddAnswer(kQuestionPointer, kTypeCname, kTtl, WireName("next.example.net"));
  message.AddAnswer(WireName("elsewhere.example.net"), kTypeA, kTtl, address);
  return message.bytes();
}

Bytes WrongQuestion(const Query& query, const Bytes& address) {
  Message message(query.id, kAnswerFlags);
  message.AddQuestion(WireName("other.example.net"), kTypeA);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  return message.bytes();
}

Bytes WrongId(const Query& query, const Bytes& address) {
  Bytes message = WithOwner(query, kQuestionPointer, address);
  message[0] ^= 0x55;
  return message;
}

Bytes TwoQuestions(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  message.AddQuestion(WireName("other.example.net"), kTypeA);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  return message.bytes();
}

Bytes SelfPointer(const Query& query, const Bytes& address) {
  const auto here = static_cast<std::uint16_t>(0xc000 | (12 + query.question.size()));
  return WithOwner(query, {static_cast<std::uint8_t>(here >> 8), static_cast<std::uint8_t>(here & 0xff)}, address);
}

Bytes ForwardPointer(const Query& query, const Bytes& address) {
  const auto ahead = static_cast<std::uint16_t>(0xc000 | (12 + query.question.size() + 12));
  return WithOwner(query, {static_cast<std::uint8_t>(ahead >> 8), static_cast<std::uint8_t>(ahead & 0xff)}, address);
}

Bytes LongData(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  Bytes five = address;
  five.push_back(0);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, five);
  return message.bytes();
}

Bytes Short(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  message.bytes().resize(message.bytes().size() - 3);
  return message.bytes();
}

Bytes OtherClass(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address, kClassChaos);
  return message.bytes();
}

Bytes OnlyAdditional(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  message.AddAdditional(kQuestionPointer, kTypeA, kClassIn, kTtl, address);
  return message.bytes();
}

Bytes FailureCode(const Query& query, const Bytes& address) {
  Message message = Begin(query, kAnswerFlags | kRcodeNxdomain);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  return message.bytes();
}

Bytes TruncatedWithAnswer(const Query& query, const Bytes& address) {
  Message message = Begin(query, kAnswerFlags | 0x0200);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  return message.bytes();
}

/// One label that spells the whole name, dots included: equal as text, not as a name.
Bytes LiteralDots(const Query& query, const Bytes& address) {
  Bytes owner = {static_cast<std::uint8_t>(query.name.size())};
  owner.insert(owner.end(), query.name.begin(), query.name.end());
  owner.push_back(0);
  return WithOwner(query, owner, address);
}

Bytes NotAResponse(const Query& query, const Bytes& address) {
  Message message = Begin(query, 0x0100);
  message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  return message.bytes();
}

Bytes TooMany(const Query& query, const Bytes& address) {
  Message message = Begin(query);
  for (int i = 0; i < 65; ++i) message.AddAnswer(kQuestionPointer, kTypeA, kTtl, address);
  return message.bytes();
}

const std::map<std::string_view, Variant> kVariants = {
    {"foreign-owner", ForeignOwner},
    {"chain-gap", ChainGap},
    {"wrong-question", WrongQuestion},
    {"wrong-id", WrongId},
    {"two-questions", TwoQuestions},
    {"self-pointer", SelfPointer},
    {"forward-pointer", ForwardPointer},
    {"long-data", LongData},
    {"short", Short},
    {"other-class", OtherClass},
    {"only-additional", OnlyAdditional},
    {"failure-code", FailureCode},
    {"truncated-with-answer", TruncatedWithAnswer},
    {"literal-dots", LiteralDots},
    {"not-a-response", NotAResponse},
    {"too-many", TooMany},
};

}  // namespace

Bytes Forge(std::string_view variant, const Query& query, const Bytes& address) {
  const auto found = kVariants.find(variant);
  return found == kVariants.end() ? Bytes{} : found->second(query, address);
}

}  // namespace weir::lab
