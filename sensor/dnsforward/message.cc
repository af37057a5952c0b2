// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/message.h"

#include <algorithm>
#include <cstring>

#include "bpf/dns.h"

namespace weir::dns_forward {
namespace {

std::uint16_t Get16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

void Put16(std::string& bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<char>(value >> 8 & 0xff);
  bytes[at + 1] = static_cast<char>(value & 0xff);
}

// The parser reads at most `bound` bytes; `len` is what it believes the message to have.
void Load(weir_dns_state& state, std::string_view message, std::size_t bound) {
  const std::size_t size = std::min(message.size(), bound);
  std::memcpy(state.buf, message.data(), size);
  state.len = size;
}

}  // namespace

MessageParser::MessageParser() : state_(std::make_unique<weir_dns_state>()) {}
MessageParser::~MessageParser() = default;

Query MessageParser::ReadQuery(std::string_view message) {
  Query query;
  // A byte more than the bound is enough for the parser to say "too long".
  Load(*state_, message, WEIR_DNS_QUERY_BYTES + 1);
  query.code = weir_dns_parse_query(state_.get());
  if (message.size() >= 2) query.id = MessageId(message);
  query.type = state_->qtype;
  const std::size_t name_bytes = query.code == WEIR_DNS_OK ? state_->name_len : 0;
  query.name.assign(reinterpret_cast<const char*>(state_->names), name_bytes);
  return query;
}

Answer MessageParser::ReadAnswer(std::string_view message, const Query& asked, bool collect) {
  weir_dns_state& state = *state_;
  state.asked.id = asked.id;
  state.asked.qtype = asked.type;
  std::memset(state.asked.name, 0, sizeof(state.asked.name));
  std::memcpy(state.asked.name, asked.name.data(), std::min(asked.name.size(), sizeof(state.asked.name)));
  Answer answer;
  // The question is in the first bytes of any message; records of one that is longer than we read are not collected.
  Load(state, message, WEIR_DNS_MESSAGE_BYTES);
  answer.code = weir_dns_answer_head(&state);
  if (answer.code) return answer;
  if (!weir_dns_is_asked(&state)) {
    answer.code = WEIR_DNS_E_MISMATCH;
    return answer;
  }
  if (!collect) return answer;
  if (message.size() > WEIR_DNS_MESSAGE_BYTES) {
    answer.code = WEIR_DNS_E_SIZE;
    return answer;
  }
  answer.code = weir_dns_collect(&state);
  if (answer.code) return answer;
  answer.ttl_s = state.ttl;
  answer.addresses.resize(state.n_addrs);
  for (std::size_t i = 0; i < answer.addresses.size(); ++i) {
    std::memcpy(answer.addresses[i].data(), state.addrs[i], sizeof(policy::Address));
  }
  return answer;
}

std::uint16_t MessageId(std::string_view message) { return Get16(message, 0); }

bool IsBareFailure(std::string_view message) {
  if (message.size() < WEIR_DNS_HEADER_BYTES) return false;
  const unsigned flags = Get16(message, 2);
  return (flags & WEIR_DNS_QR) && (flags & WEIR_DNS_RCODE) && Get16(message, 4) == 0 && Get16(message, 6) == 0;
}

std::string FailureResponse(std::string_view message, const Query& query, std::uint8_t rcode) {
  // The question is repeated as it was sent: clients that vary upper and lower case compare it.
  const bool parsed = query.code == WEIR_DNS_OK;
  const std::size_t question = parsed ? query.name.size() + 4 : 0;
  std::string response(message.substr(0, WEIR_DNS_HEADER_BYTES + question));
  const unsigned asked_flags = Get16(message, 2);
  constexpr unsigned kKept = WEIR_DNS_OPCODE | 0x0100u /* RD */ | 0x0010u /* CD */;
  Put16(response, 2, WEIR_DNS_QR | (asked_flags & kKept) | WEIR_DNS_RA | rcode);
  Put16(response, 4, parsed ? 1 : 0);
  Put16(response, 6, 0);
  Put16(response, 8, 0);
  Put16(response, 10, 0);
  return response;
}

bool IsBarred(const policy::Address& address) {
  std::uint32_t words[4];
  std::memcpy(words, address.data(), sizeof(words));
  return weir_dns_addr_is_barred(words) != 0;
}

bool TypeTeaches(std::uint16_t type) { return weir_dns_teaches(type) != 0; }

}  // namespace weir::dns_forward
