// SPDX-License-Identifier: Apache-2.0
// Answers: whatever address is learned, a naive reader of the same message finds it at the end of the chain that begins
// at the question; and a naive reader's plain answer is never refused.
#include <vector>

#include "tests/fuzz/dns/fuzz.h"

using namespace weir::dnstest;

namespace {

struct Naive {
  bool used = false;
  std::vector<Address> addresses;
};

Address Normal(std::span<const std::uint8_t> data) {
  Address address{};
  if (data.size() == 4) return V4(data[0], data[1], data[2], data[3]);
  std::copy(data.begin(), data.end(), address.begin());
  constexpr std::uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  const bool here = address[12] == 0 || address[12] == 127;  // embedded, but a packet to it leaves this host
  if (!here && std::equal(address.begin(), address.begin() + 12, kNat64))
    return V4(address[12], address[13], address[14], address[15]);
  return address;
}

Naive Read(std::span<const std::uint8_t> m, const Bytes& asked, unsigned type, unsigned id) {
  Naive naive;
  if (m.size() < 12 || Get16(m, 0) != id || (Get16(m, 2) & 0xfa0f) != 0x8000 || Get16(m, 4) != 1) return {};
  const auto question = NaiveName(m, 12);
  if (!question || question->wire != asked || question->end != 12 + asked.size()) return {};
  if (question->end + 4 > m.size() || Get16(m, question->end) != type || Get16(m, question->end + 2) != 1) return {};
  Bytes owner = asked;
  std::size_t at = question->end + 4;
  const unsigned n = Get16(m, 6);
  if (n > 64) return {};
  for (unsigned i = 0; i < n; i++) {
    // A record whose owner does not decode may only be a signature; the caller then learns nothing of it either way.
    std::size_t end = at;
    while (end < m.size() && m[end] != 0 && m[end] < 0xc0) {
      if (m[end] > 63) return {};
      end += m[end] + 1u;
    }
    if (end >= m.size()) return {};
    end += m[end] == 0 ? 1 : 2;
    if (end + 10 > m.size() || Get16(m, end + 2) != 1) return {};
    const unsigned rtype = Get16(m, end), size = Get16(m, end + 8);
    const std::size_t data = end + 10;
    if (data + size > m.size()) return {};
    if (rtype != kRrsig) {
      const auto name = NaiveName(m, at);
      if (!name || name->wire != owner) return {};
      if (rtype == kCname) {
        const auto target = NaiveName(m, data);
        if (!target || target->end != data + size || !naive.addresses.empty()) return {};
        owner = target->wire;
      } else if ((rtype == kA && size == 4) || (rtype == kAaaa && size == 16)) {
        naive.addresses.push_back(Normal(m.subspan(data, size)));
      } else {
        return {};
      }
    }
    at = data + size;
  }
  naive.used = true;
  return naive;
}

}  // namespace

// The input: one byte that chooses how the message begins, then its rest. Most inputs get a right head, so that the
// time goes into records.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes asked = Wire("www.example.org");
  const unsigned type = data[0] & 1 ? kAaaa : kA;
  Bytes bytes;
  if (data[0] & 0x80) {
    bytes.assign(data + 1, data + size);
  } else {
    Message message(kId, kAnswerFlags, 1, static_cast<std::uint16_t>(data[0] >> 1 & 0x3f));
    bytes = message.Question("www.example.org", type).Raw(Bytes(data + 1, data + size)).bytes();
  }
  if (bytes.size() > WEIR_DNS_MESSAGE_BYTES) bytes.resize(WEIR_DNS_MESSAGE_BYTES);

  auto state = Prepare(bytes, 0xa5);
  auto other = Prepare(bytes, 0x01);
  Ask(*state, asked, static_cast<std::uint16_t>(type));
  Ask(*other, asked, static_cast<std::uint16_t>(type));
  const int code = weir_dns_parse_answer(state.get());
  Require(code == weir_dns_parse_answer(other.get()), "the verdict does not depend on stale memory");
  Require(AddressesOf(*state) == AddressesOf(*other), "nor do the addresses");
  const Naive naive = Read(bytes, asked, type, kId);
  if (code == WEIR_DNS_OK) {
    Require(naive.used, "a naive reader uses the answer too");
    Require(AddressesOf(*state) == naive.addresses, "and finds the same addresses");
  } else {
    Require(state->n_addrs == 0, "a refused answer leaves no address");
    // The only right answers that are refused are mazes of pointers.
    Require(!naive.used || code == WEIR_DNS_E_LONG, "a right answer is used");
  }
  return 0;
}
