// SPDX-License-Identifier: Apache-2.0
// What the lab's name server knows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/result.h"
#include "tests/lab/dns_wire.h"

namespace weir::lab {

/// Addresses that are handed out one after the other, each once per round.
struct AddressRange {
  Bytes base{};  ///< 4 or 16 bytes, network order
  std::uint64_t size = 0;
  std::uint64_t next = 1;
  Bytes Take();
};

/// Everything about one name.
struct Node {
  std::vector<Bytes> addresses;  ///< 4 or 16 bytes each
  std::vector<AddressRange> fresh;
  std::string cname;
  std::string forge;  ///< a way to answer wrongly; see forge.h
  std::uint32_t ttl_s = 0;
  bool truncate = false;  ///< over UDP: TC and no answer
  bool silent = false;
};

/// A zone file has one fact a line; `#` begins a comment:
///   NAME A ADDRESS...      NAME AAAA ADDRESS...   NAME CNAME TARGET     NAME TTL SECONDS
///   NAME FRESH PREFIX      a new address of PREFIX for each lookup
///   NAME TC                truncated over UDP     NAME SILENT           never answered
///   NAME FORGE VARIANT     a wrong answer with the name's addresses
/// `*.` before NAME: every name below it.
class Zone {
 public:
  static Result<Zone> Load(const std::string& path);
  /// Null: no such name. `name` in lower case.
  Node* Find(std::string_view name);

 private:
  Result<> AddLine(std::string_view line);
  std::map<std::string, Node, std::less<>> nodes_;
};

}  // namespace weir::lab
