// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace weir::events {

/// SHA-256 over records, each preceded by its length as 4 bytes, big endian, so that no two different streams of
/// records hash the same bytes. Not for several threads at once.
class RecordDigest {
 public:
  RecordDigest();

  void Add(std::string_view record);
  /// Of the records so far, 64 hex digits; more may follow.
  [[nodiscard]] std::string Hex() const;
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
  std::uint64_t records_ = 0;
};

}  // namespace weir::events
