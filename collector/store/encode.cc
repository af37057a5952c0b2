// SPDX-License-Identifier: Apache-2.0
#include "collector/store/encode.h"

#include <charconv>

namespace weir::store {
namespace {

// What the bits of execs.flags mean; never reordered.
constexpr bool Exec::*kFlags[] = {
    &Exec::arguments_truncated, &Exec::path_truncated, &Exec::deleted, &Exec::memfd, &Exec::tmpfs, &Exec::entered};

}  // namespace

std::string JoinNul(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out.append(item, 0, item.find('\0')).push_back('\0');
  return out;
}

std::vector<std::string> SplitNul(std::string_view joined) {
  std::vector<std::string> items;
  while (!joined.empty()) {
    const std::size_t end = joined.find('\0');
    items.emplace_back(joined.substr(0, end));
    if (end == std::string_view::npos) break;
    joined.remove_prefix(end + 1);
  }
  return items;
}

std::string JoinCounts(const std::map<std::string, std::uint64_t>& counts) {
  std::string out;
  for (const auto& [kind, count] : counts) {
    if (!out.empty()) out += ' ';
    out += kind + '=' + std::to_string(count);
  }
  return out;
}

std::map<std::string, std::uint64_t> SplitCounts(std::string_view text) {
  std::map<std::string, std::uint64_t> counts;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(' '));
    const std::size_t equals = item.find('=');
    std::uint64_t count = 0;
    if (equals != std::string_view::npos) {
      std::from_chars(item.data() + equals + 1, item.data() + item.size(), count);
      counts.emplace(item.substr(0, equals), count);
    }
    text.remove_prefix(std::min(text.size(), item.size() + 1));
  }
  return counts;
}

std::uint32_t ExecFlags(const Exec& exec) {
  std::uint32_t flags = 0;
  std::uint32_t bit = 1;
  for (const auto flag : kFlags) {
    if (exec.*flag) flags |= bit;
    bit <<= 1;
  }
  return flags;
}

void SetExecFlags(Exec& exec, std::uint32_t flags) {
  for (const auto flag : kFlags) {
    exec.*flag = (flags & 1) != 0;
    flags >>= 1;
  }
}

}  // namespace weir::store
