// SPDX-License-Identifier: Apache-2.0
// The parser of bpf/dns.h on the host, one message a call.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>

#include "bpf/dns.h"
#include "tests/unit/dns/message.h"

namespace weir::dnstest {

/// State with every byte that the parser has no business to read set to `fill`.
inline std::unique_ptr<weir_dns_state> Prepare(std::span<const std::uint8_t> message, std::uint8_t fill = 0xa5) {
  auto state = std::make_unique<weir_dns_state>();
  std::memset(state.get(), fill, sizeof(*state));
  state->len = message.size();
  if (!message.empty()) std::memcpy(state->buf, message.data(), std::min(message.size(), sizeof(state->buf)));
  return state;
}

inline void Ask(weir_dns_state& state, std::span<const std::uint8_t> wire, std::uint16_t type, std::uint16_t id = kId) {
  std::memset(state.asked.name, 0, sizeof(state.asked.name));
  std::memcpy(state.asked.name, wire.data(), wire.size());
  state.asked.qtype = type;
  state.asked.id = id;
}

inline Bytes NameOf(const weir_dns_state& state) { return Bytes(state.names, state.names + state.name_len); }

inline std::vector<Address> AddressesOf(const weir_dns_state& state) {
  std::vector<Address> addresses(state.n_addrs);
  for (std::size_t i = 0; i < addresses.size(); i++) std::copy_n(state.addrs[i], 16, addresses[i].begin());
  return addresses;
}

}  // namespace weir::dnstest
