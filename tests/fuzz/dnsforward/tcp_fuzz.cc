// SPDX-License-Identifier: Apache-2.0
// What a job sends to the forwarder over TCP, and what a server answers: in pieces of any size, put together and read.
// First byte: the size of the pieces; then the stream.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/dns.h"
#include "sensor/dnsforward/frame.h"
#include "sensor/dnsforward/message.h"

namespace {

using namespace weir::dns_forward;

void Require(bool holds) {
  if (!holds) std::abort();
}

/// The messages of a whole stream, by the plainest reading of RFC 1035 4.2.2.
std::vector<std::string_view> Split(std::string_view stream) {
  std::vector<std::string_view> messages;
  while (stream.size() >= 2) {
    const std::size_t size =
        static_cast<std::size_t>(static_cast<std::uint8_t>(stream[0])) << 8 | static_cast<std::uint8_t>(stream[1]);
    if (stream.size() - 2 < size) break;
    messages.push_back(stream.substr(2, size));
    stream.remove_prefix(2 + size);
  }
  return messages;
}

/// Each message as a query, and the next one as its answer.
void Read(MessageParser& parser, std::string_view message, std::string_view next) {
  const Query query = parser.ReadQuery(message);
  Require(query.code == WEIR_DNS_OK ? !query.name.empty() && query.name.back() == '\0' : query.name.empty());
  (void)IsBareFailure(message);
  if (message.size() >= WEIR_DNS_HEADER_BYTES) {
    const std::string response = FailureResponse(message, query, kRefused);
    Require(response.size() >= WEIR_DNS_HEADER_BYTES && response.size() <= message.size());
    Require(MessageId(response) == MessageId(message));
    // What we refuse with is an answer to what was asked.
    if (query.code == WEIR_DNS_OK) Require(parser.ReadAnswer(response, query, false).code != WEIR_DNS_E_MISMATCH);
  }
  if (query.code != WEIR_DNS_OK) return;
  const Answer answer = parser.ReadAnswer(next, query, true);
  Require(answer.code == WEIR_DNS_OK || answer.addresses.empty());
  for (const auto& address : answer.addresses) (void)IsBarred(address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? 1 : data[0];
  const std::string_view stream(reinterpret_cast<const char*>(data + 1), size - 1);
  FrameReader reader;
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    reader.Add(stream.substr(at, piece));
    while (const auto message = reader.Next()) messages.emplace_back(*message);
    Require(reader.held() < 2 + kMaxMessage);
  }
  const std::vector<std::string_view> expected = Split(stream);
  Require(std::equal(messages.begin(), messages.end(), expected.begin(), expected.end()));
  std::string again;
  for (const std::string& message : messages) AppendFrame(again, message);
  Require(stream.starts_with(again) && stream.size() - again.size() == reader.held());
  MessageParser parser;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    Read(parser, messages[i], i + 1 < messages.size() ? messages[i + 1] : std::string());
  }
  return 0;
}
