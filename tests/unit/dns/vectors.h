// SPDX-License-Identifier: Apache-2.0
// Messages and what the parser must say about them. One table, asked twice: on the host (tests/unit/dns) and of the
// same lines under the verifier (tests/kernel/dns).
#pragma once

#include <string>
#include <vector>

#include "tests/unit/dns/message.h"

namespace weir::dnstest {

struct QueryRow {
  std::string what;
  Bytes message;
  int code = 0;  ///< WEIR_DNS_*
  Bytes name;    ///< wire, lower case; when code is WEIR_DNS_OK
  std::uint16_t type = kA;
};

struct AnswerRow {
  std::string what;
  Bytes message;
  int code = 0;
  std::vector<Address> addresses;
  std::uint32_t ttl = 300;
  std::string asked = "www.example.org";
  std::uint16_t type = kA;
};

std::vector<QueryRow> QueryRows();
std::vector<AnswerRow> AnswerRows();

/// Names of exactly 255 bytes: four long labels, and 127 labels of one byte.
std::string LongName();
std::string ManyLabels();

}  // namespace weir::dnstest
