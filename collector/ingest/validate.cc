// SPDX-License-Identifier: Apache-2.0
#include "collector/ingest/validate.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>

#include "collector/rpc/limits.h"

namespace weir::ingest {
namespace {

bool IsNameByte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view("._:@-").find(c) != std::string_view::npos;
}

bool IsKeywordByte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

}  // namespace

void Checker::Fault(std::string_view field, std::string_view what, Code code) {
  if (fault_) return;
  fault_ = Error{code, 0, where_ + ": " + std::string(field) + ": " + std::string(what)};
}

void Checker::Bytes(std::string_view field, std::string_view value, std::size_t limit) {
  if (value.size() > limit) Fault(field, "more than " + std::to_string(limit) + " bytes");
}

void Checker::Text(std::string_view field, std::string_view value, std::size_t limit) {
  Bytes(field, value, limit);
  if (value.find('\0') != std::string_view::npos) Fault(field, "contains a NUL");
}

void Checker::Name(std::string_view field, std::string_view value, std::size_t limit, bool optional) {
  if (value.empty() && !optional) Fault(field, "is empty");
  Bytes(field, value, limit);
  if (!std::all_of(value.begin(), value.end(), IsNameByte)) Fault(field, "other bytes than letters, digits and ._:@-");
}

void Checker::Keyword(std::string_view field, std::string_view value, bool optional) {
  if (value.empty() && !optional) Fault(field, "is empty");
  Bytes(field, value, rpc::kMaxKeyword);
  if (!std::all_of(value.begin(), value.end(), IsKeywordByte)) Fault(field, "no keyword");
}

void Checker::Address(std::string_view field, std::string_view value) {
  if (value.empty()) return;
  Text(field, value, rpc::kMaxAddress);
  const std::string text(value.substr(0, rpc::kMaxAddress));
  in6_addr parsed{};
  if (::inet_pton(AF_INET, text.c_str(), &parsed) != 1 && ::inet_pton(AF_INET6, text.c_str(), &parsed) != 1) {
    Fault(field, "no address");
  }
}

void Checker::AtMost(std::string_view field, std::uint64_t value, std::uint64_t limit) {
  if (value > limit) Fault(field, "more than " + std::to_string(limit));
}

void Checker::Between(std::string_view field, std::int64_t value, std::int64_t low, std::int64_t high) {
  if (value < low || value > high) {
    Fault(field, std::to_string(value) + " is outside " + std::to_string(low) + ".." + std::to_string(high));
  }
}

}  // namespace weir::ingest
