// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/resolv_conf.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "bpf/address.h"
#include "sensor/jobs/file.h"

namespace weir::jobs {
namespace {

constexpr std::size_t kMaxFaults = 16;

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

std::string_view NextWord(std::string_view& line) {
  while (!line.empty() && IsBlank(line.front())) line.remove_prefix(1);
  std::size_t end = 0;
  while (end < line.size() && !IsBlank(line[end])) ++end;
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

void Fault(Resolvers& into, std::string what) {
  if (into.faults.size() < kMaxFaults) into.faults.push_back(std::move(what));
}

void AddAddress(Resolvers& into, std::string_view text) {
  policy::Address address;
  if (!AddressFromText(text, address)) return Fault(into, "nameserver is not an address");
  if (std::find(into.addresses.begin(), into.addresses.end(), address) != into.addresses.end()) return;
  if (into.addresses.size() >= kMaxResolvers) return Fault(into, "more than 16 nameservers");
  into.addresses.push_back(address);
}

void AddSearch(Resolvers& into, std::string_view text) {
  std::string wire = NameToWire(text);
  if (wire.empty()) return Fault(into, "search suffix is not a name");
  if (into.search.size() >= kMaxSearchSuffixes) return Fault(into, "more than 6 search suffixes");
  into.search.push_back(std::move(wire));
}

void ParseLine(std::string_view line, Resolvers& into) {
  // Keywords begin in the first column; anything else there makes a comment of the line.
  if (line.empty() || IsBlank(line.front()) || line.front() == '#' || line.front() == ';') return;
  const std::string_view keyword = NextWord(line);
  if (keyword == "nameserver") {
    if (const std::string_view word = NextWord(line); !word.empty()) AddAddress(into, word);
  } else if (keyword == "domain" || keyword == "search") {
    into.search.clear();
    for (std::string_view word = NextWord(line); !word.empty(); word = NextWord(line)) {
      AddSearch(into, word);
      if (keyword == "domain") break;
    }
  }
}

bool IsResolvedStub(const policy::Address& address) {
  policy::Address stub;
  return (AddressFromText("127.0.0.53", stub) && address == stub) ||
         (AddressFromText("127.0.0.54", stub) && address == stub);
}

}  // namespace

bool AddressFromText(std::string_view text, policy::Address& address) {
  const std::string plain(text.substr(0, text.find('%')));
  __u32 words[4];
  in_addr v4{};
  std::array<__u32, 4> v6{};
  if (::inet_pton(AF_INET, plain.c_str(), &v4) == 1) {
    weir_addr_v4(words, v4.s_addr);
  } else if (::inet_pton(AF_INET6, plain.c_str(), v6.data()) == 1) {
    weir_addr_v6(words, v6.data());
  } else {
    return false;
  }
  std::memcpy(address.data(), words, sizeof(words));
  return true;
}

std::string NameToWire(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return {};
  std::string wire;
  while (true) {
    const std::size_t end = std::min(text.find('.'), text.size());
    if (end == 0 || end > 63) return {};
    wire += static_cast<char>(end);
    for (const char c : text.substr(0, end)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte <= ' ' || byte >= 127 || byte == '\\') return {};
      wire += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (end == text.size()) break;
    text.remove_prefix(end + 1);
  }
  wire += '\0';
  return wire;
}

Resolvers ParseResolvConf(std::string_view text) {
  Resolvers resolvers;
  if (text.size() > kMaxResolvConfBytes) {
    Fault(resolvers, "longer than 64 KiB: the rest is left out");
    text = text.substr(0, kMaxResolvConfBytes);
  }
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ParseLine(text.substr(0, end), resolvers);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (resolvers.addresses.empty()) AddAddress(resolvers, "127.0.0.1");
  return resolvers;
}

Result<Resolvers> LoadResolvers(const std::filesystem::path& file, const std::filesystem::path& upstreams) {
  auto text = ReadSmallFile(file, kMaxResolvConfBytes);
  if (!text && text.error().code == Code::kNotFound) text = std::string();  // the C libraries ask 127.0.0.1 then
  if (!text) return tl::unexpected<Error>(std::move(text).error());
  Resolvers resolvers = ParseResolvConf(*text);
  if (std::none_of(resolvers.addresses.begin(), resolvers.addresses.end(), IsResolvedStub)) return resolvers;
  if (auto more = ReadSmallFile(upstreams, kMaxResolvConfBytes)) {
    for (const policy::Address& address : ParseResolvConf(*more).addresses) {
      if (std::find(resolvers.addresses.begin(), resolvers.addresses.end(), address) != resolvers.addresses.end())
        continue;
      if (resolvers.addresses.size() < kMaxResolvers) resolvers.addresses.push_back(address);
    }
  }
  return resolvers;
}

Resolvers ResolversFromText(const std::vector<std::string>& addresses, const std::vector<std::string>& search) {
  Resolvers resolvers;
  for (const std::string& address : addresses) AddAddress(resolvers, address);
  for (const std::string& suffix : search) AddSearch(resolvers, suffix);
  return resolvers;
}

}  // namespace weir::jobs
