// SPDX-License-Identifier: Apache-2.0
#include "tests/lab/zone.h"

#include <arpa/inet.h>

#include <fstream>
#include <sstream>

namespace weir::lab {
namespace {

Bytes ParseAddress(const std::string& text) {
  Bytes bytes(16);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

Result<AddressRange> ParseRange(const std::string& text) {
  const std::size_t slash = text.find('/');
  AddressRange range{.base = ParseAddress(text.substr(0, slash))};
  if (range.base.empty() || slash == std::string::npos) return Fail(Code::kInvalid, "not a prefix: " + text);
  const auto host_bits = static_cast<int>(range.base.size() * 8) - std::stoi(text.substr(slash + 1));
  if (host_bits < 2) return Fail(Code::kInvalid, "too small a range: " + text);
  // The first address of a prefix and the last one are not for hosts.
  range.size = host_bits >= 48 ? 1ull << 48 : (1ull << host_bits) - 2;
  return range;
}

}  // namespace

Bytes AddressRange::Take() {
  Bytes address = base;
  std::uint64_t carry = next;
  next = next % size + 1;
  for (auto byte = address.rbegin(); byte != address.rend() && carry != 0; ++byte) {
    carry += *byte;
    *byte = static_cast<std::uint8_t>(carry & 0xff);
    carry >>= 8;
  }
  return address;
}

Result<Zone> Zone::Load(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Fail(Code::kNotFound, "cannot read the zone file " + path);
  Zone zone;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (auto added = zone.AddLine(std::string_view(line).substr(0, line.find('#'))); !added) {
      return Fail(Code::kInvalid, path + ":" + std::to_string(number) + ": " + added.error().what);
    }
  }
  return zone;
}

Result<> Zone::AddLine(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string name;
  std::string keyword;
  if (!(words >> name)) return {};
  if (!(words >> keyword)) return Fail(Code::kInvalid, "a name without a fact");
  Node& node = nodes_[name];
  if (keyword == "TC") {
    node.truncate = true;
  } else if (keyword == "SILENT") {
    node.silent = true;
  } else if (keyword == "TTL" && words >> node.ttl_s) {
    return {};
  } else if (keyword == "CNAME" && words >> node.cname) {
    return {};
  } else if (keyword == "FORGE" && words >> node.forge) {
    return {};
  } else if (keyword == "A" || keyword == "AAAA" || keyword == "FRESH") {
    for (std::string word; words >> word;) {
      if (keyword == "FRESH") {
        auto range = ParseRange(word);
        if (!range) return tl::unexpected(range.error());
        node.fresh.push_back(*range);
      } else if (Bytes address = ParseAddress(word); !address.empty()) {
        node.addresses.push_back(std::move(address));
      } else {
        return Fail(Code::kInvalid, "not an address: " + word);
      }
    }
  } else {
    return Fail(Code::kInvalid, "what is " + keyword + "?");
  }
  return {};
}

Node* Zone::Find(std::string_view name) {
  if (const auto found = nodes_.find(name); found != nodes_.end()) return &found->second;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (const auto found = nodes_.find("*" + std::string(name.substr(dot))); found != nodes_.end()) {
      return &found->second;
    }
  }
  return nullptr;
}

}  // namespace weir::lab
