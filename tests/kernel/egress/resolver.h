// SPDX-License-Identifier: Apache-2.0
// The smallest DNS there can be in a test: builds queries, and answers them with one fresh address each.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>
#include <vector>

namespace weir::lab {

/// "a.example" as wire form.
std::string WireName(const std::string& name);
/// A query of class IN, RD set. `edns`: with an empty OPT record.
std::string MakeQuery(std::uint16_t id, const std::string& name, std::uint16_t type, bool edns = false);

struct Answer {
  std::uint16_t id = 0;
  int rcode = 0;
  std::vector<std::string> addresses;  ///< text
};
bool ParseAnswer(const std::string& message, Answer* answer);

sockaddr_in Ipv4(const std::string& address, std::uint16_t port);

/// Serves UDP on `address`:53 until killed: each A question gets the next address of 10.64.0.0/10 with TTL 0 behind a
/// CNAME, each AAAA question an empty answer. Returns only on failure. `ready_fd` gets one byte when it listens.
int ServeFreshAddresses(const std::string& address, int ready_fd);

/// Asks over `fd` (a connected UDP socket) and waits at most two seconds. errno of send; ETIMEDOUT without an answer.
int Ask(int fd, std::uint16_t id, const std::string& name, Answer* answer, bool edns = false);

}  // namespace weir::lab
