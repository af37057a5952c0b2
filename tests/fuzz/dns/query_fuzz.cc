// SPDX-License-Identifier: Apache-2.0
// Queries: what is accepted must be nothing but the question that a naive reader finds, re-encodes to itself, and
// leaves no byte unaccounted for.
#include "tests/fuzz/dns/fuzz.h"

using namespace weir::dnstest;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span message(data, size > WEIR_DNS_MESSAGE_BYTES ? WEIR_DNS_MESSAGE_BYTES : size);
  auto state = Prepare(message, 0xa5);
  auto other = Prepare(message, 0x01);
  const int code = weir_dns_parse_query(state.get());
  Require(code == weir_dns_parse_query(other.get()), "the verdict does not depend on stale memory");
  if (code != WEIR_DNS_OK) return 0;
  Require(NameOf(*state) == NameOf(*other) && state->qtype == other->qtype, "nor does the question");

  const auto name = NaiveName(message, 12);
  Require(name && name->wire == NameOf(*state), "the name is what a naive reader finds");
  Require(state->qtype == Get16(message, name->end), "so is the type");
  Require(message.size() <= WEIR_DNS_QUERY_BYTES, "bounded");

  // Everything but the OPT record's options and size, the id, the case and harmless flags is fixed by the question.
  Message again(static_cast<std::uint16_t>(Get16(message, 0)), static_cast<std::uint16_t>(Get16(message, 2) & 0x0130),
                1, 0, 0, static_cast<std::uint16_t>(Get16(message, 10)));
  again.Raw(name->wire).U16(state->qtype).U16(1);
  const Bytes& built = again.bytes();
  Require(built.size() <= message.size(), "no shorter than its question");
  for (std::size_t i = 0; i < built.size(); i++) {
    const auto c = message[i];
    const bool cased = i >= 12 && i < name->end && c >= 'A' && c <= 'Z';
    Require(built[i] == (cased ? c + 32 : c), "encodes to itself");
  }
  if (Get16(message, 10) == 0) {
    Require(built.size() == message.size(), "nothing behind the question");
  } else {
    Require(message.size() >= built.size() + 11 && message.size() <= built.size() + 11 + 4 * 4 + 40 + 4, "only OPT");
    Require(message[built.size()] == 0 && Get16(message, built.size() + 1) == kOpt, "only OPT");
  }

  weir_dns_hash_name(state.get(), 42);
  std::size_t at = 0;
  for (unsigned k = 0; k < state->n_labels; k++) {
    Require(state->starts[k] == at, "labels are where the lengths say");
    Require(state->hashes[k] == weir_name_hash(42, name->wire.data() + at, name->wire.size() - at), "suffix hashes");
    at += name->wire[at] + 1u;
  }
  Require(at + 1 == name->wire.size(), "labels end at the root");
  for (std::size_t i = name->wire.size(); i < WEIR_NAME_BYTES; i++) Require(state->names[i] == 0, "zero-padded");
  return 0;
}
