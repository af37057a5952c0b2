// SPDX-License-Identifier: Apache-2.0
// Reading queries and answers with the kernel's own parser (bpf/dns.h), and writing refusals.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/compiled.h"

struct weir_dns_state;

namespace weir::dns_forward {

/// A query as far as it parsed.
struct Query {
  int code = 0;  ///< WEIR_DNS_OK, or the parser's reason
  std::uint16_t id = 0;
  std::uint16_t type = 0;
  std::string name;  ///< wire form, lower case, with root label when code is WEIR_DNS_OK
};

/// What an answer is and holds.
struct Answer {
  int code = 0;  ///< of the parser: WEIR_DNS_OK, WEIR_DNS_E_MISMATCH (to another question), …
  std::vector<policy::Address> addresses;
  std::uint32_t ttl_s = 0;
};

/// Owns the parser's state. Not for several threads at once.
class MessageParser {
 public:
  MessageParser();
  ~MessageParser();

  [[nodiscard]] Query ReadQuery(std::string_view message);
  /// `asked`: a query with code WEIR_DNS_OK. Without `collect` only head and question are compared.
  [[nodiscard]] Answer ReadAnswer(std::string_view message, const Query& asked, bool collect);

 private:
  std::unique_ptr<weir_dns_state> state_;
};

inline constexpr std::uint8_t kServFail = 2;  // RFC 1035 4.1.1
inline constexpr std::uint8_t kRefused = 5;

/// Header id; `message` has at least 2 bytes.
[[nodiscard]] std::uint16_t MessageId(std::string_view message);

/// A failure of the server's that repeats no question (RFC 1035 4.1.1 allows it for what could not be read): an answer
/// with an error code and without records.
[[nodiscard]] bool IsBareFailure(std::string_view message);

/// Answer with the query's id and question (when it parsed), an error code and no records. `message`: at least a
/// header.
[[nodiscard]] std::string FailureResponse(std::string_view message, const Query& query, std::uint8_t rcode);

/// Addresses that no name may open (weir_dns_addr_is_barred of bpf/dns_answer.h).
[[nodiscard]] bool IsBarred(const policy::Address& address);

/// Do answers of this type hold addresses that can be learned?
[[nodiscard]] bool TypeTeaches(std::uint16_t type);

}  // namespace weir::dns_forward
