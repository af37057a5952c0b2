// SPDX-License-Identifier: Apache-2.0
// Checks of single fields. The first fault is kept; later checks then do nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sensor/base/result.h"

namespace weir::ingest {

class Checker {
 public:
  /// Names the event in messages, e.g. "event 3 (sequence 17)".
  void Enter(std::string where) { where_ = std::move(where); }

  /// Any bytes, at most `limit`.
  void Bytes(std::string_view field, std::string_view value, std::size_t limit);
  /// Text without NUL (PostgreSQL stores none; protobuf has checked that it is UTF-8), at most `limit` bytes.
  void Text(std::string_view field, std::string_view value, std::size_t limit);
  /// Letters, digits and `._:@-`, at most `limit` and, unless `optional`, not empty. For names that become keys.
  void Name(std::string_view field, std::string_view value, std::size_t limit, bool optional = false);
  /// Lower-case letters, digits and `-`; not empty unless `optional`.
  void Keyword(std::string_view field, std::string_view value, bool optional = false);
  /// IPv4 or IPv6 address as text (inet_pton(3)), or empty.
  void Address(std::string_view field, std::string_view value);
  void AtMost(std::string_view field, std::uint64_t value, std::uint64_t limit);
  void Between(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high);
  void Fault(std::string_view field, std::string_view what, Code code = Code::kInvalid);

  [[nodiscard]] bool ok() const { return !fault_; }
  /// Only when !ok().
  [[nodiscard]] const Error& fault() const { return *fault_; }

 private:
  std::string where_ = "batch";
  std::optional<Error> fault_;
};

}  // namespace weir::ingest
