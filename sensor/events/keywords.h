// SPDX-License-Identifier: Apache-2.0
// The stable words for the numbers of bpf/abi.h: one table each, read in both directions. They appear in records, JSON
// and reports, so they never change meaning.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "bpf/abi.h"

namespace weir::events {

struct Keyword {
  std::uint32_t number;
  std::string_view word;
};

inline constexpr std::array kWhyKeywords = {
    Keyword{WEIR_WHY_RULE, "rule"},
    Keyword{WEIR_WHY_CIDR, "cidr"},
    Keyword{WEIR_WHY_NAME, "name"},
    Keyword{WEIR_WHY_LOOPBACK, "loopback"},
    Keyword{WEIR_WHY_LOCAL, "local"},
    Keyword{WEIR_WHY_RESOLVER, "resolver"},
    Keyword{WEIR_WHY_SEARCH, "search"},
    Keyword{WEIR_WHY_ESTABLISHED, "established"},
    Keyword{WEIR_WHY_KIND, "kind"},
    Keyword{WEIR_WHY_DNS_TCP, "dns-tcp"},
    Keyword{WEIR_WHY_DENY_RULE, "deny-rule"},
    Keyword{WEIR_WHY_NO_RULE, "no-rule"},
    Keyword{WEIR_WHY_PROCESS, "process"},
    Keyword{WEIR_WHY_SOCKET_KIND, "socket-kind"},
    Keyword{WEIR_WHY_DNS_NAME, "dns-name"},
    Keyword{WEIR_WHY_DNS_FORM, "dns-form"},
    Keyword{WEIR_WHY_DNS_TYPE, "dns-type"},
    Keyword{WEIR_WHY_DNS_TCP_OFF, "dns-tcp-off"},
    Keyword{WEIR_WHY_DNS_REPLY, "dns-reply"},
    Keyword{WEIR_WHY_FOREIGN, "foreign-socket"},
    Keyword{WEIR_WHY_TRANSLATED, "translated"},
    Keyword{WEIR_WHY_FRAGMENT, "fragment"},
    Keyword{WEIR_WHY_ENDED, "ended"},
    Keyword{WEIR_WHY_EXPIRED, "expired"},
    Keyword{WEIR_WHY_PACKET_FORM, "packet-form"},
    Keyword{WEIR_WHY_STUCK, "stuck-stream"},
    Keyword{WEIR_WHY_SOURCE, "foreign-source"},
};

inline constexpr std::array kHookKeywords = {
    Keyword{WEIR_HOOK_SOCKET, "socket"},   Keyword{WEIR_HOOK_CONNECT, "connect"},
    Keyword{WEIR_HOOK_SENDMSG, "sendmsg"}, Keyword{WEIR_HOOK_PACKET, "packet"},
    Keyword{WEIR_HOOK_DNS, "dns"},         Keyword{WEIR_HOOK_FORWARDER, "forwarder"},
};

inline constexpr std::array kVerdictKeywords = {
    Keyword{WEIR_ALLOW, "allow"},
    Keyword{WEIR_DENY, "deny"},
    Keyword{WEIR_WOULD_DENY, "would-deny"},
};

inline constexpr std::array kModeKeywords = {
    Keyword{WEIR_MODE_AUDIT, "audit"},
    Keyword{WEIR_MODE_BLOCK, "block"},
};

inline constexpr std::array kFindingKeywords = {
    Keyword{WEIR_F_LEFT_CGROUP, "left-cgroup"},       Keyword{WEIR_F_FAKE_RESOLVER, "fake-resolver"},
    Keyword{WEIR_F_FOREIGN_SOCKET, "foreign-socket"}, Keyword{WEIR_F_ANSWER_REFUSED, "answer-refused"},
    Keyword{WEIR_F_LEARNED_FULL, "learned-full"},     Keyword{WEIR_F_LISTENER, "listener"},
};

/// IANA protocol numbers that have a word; others are written as decimals.
inline constexpr std::array kProtocolKeywords = {
    Keyword{1, "icmp"},    Keyword{6, "tcp"},    Keyword{17, "udp"},   Keyword{33, "dccp"},     Keyword{47, "gre"},
    Keyword{58, "icmpv6"}, Keyword{115, "l2tp"}, Keyword{132, "sctp"}, Keyword{136, "udplite"},
};

/// "unknown" for a number that the table does not have.
template <typename Table>
[[nodiscard]] constexpr std::string_view WordOf(const Table& table, std::uint32_t number) {
  for (const Keyword& entry : table) {
    if (entry.number == number) return entry.word;
  }
  return "unknown";
}

template <typename Table>
[[nodiscard]] constexpr std::optional<std::uint32_t> NumberOf(const Table& table, std::string_view word) {
  for (const Keyword& entry : table) {
    if (entry.word == word) return entry.number;
  }
  return std::nullopt;
}

[[nodiscard]] constexpr std::string_view WhyWord(std::uint32_t why) { return WordOf(kWhyKeywords, why); }
[[nodiscard]] constexpr std::string_view HookWord(std::uint32_t hook) { return WordOf(kHookKeywords, hook); }
[[nodiscard]] constexpr std::string_view VerdictWord(std::uint32_t verdict) {
  return WordOf(kVerdictKeywords, verdict);
}
[[nodiscard]] constexpr std::string_view FindingWord(std::uint32_t finding) {
  return WordOf(kFindingKeywords, finding);
}

}  // namespace weir::events
