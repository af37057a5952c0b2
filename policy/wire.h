// SPDX-License-Identifier: Apache-2.0
// Names in DNS wire form (RFC 1035 3.1), as the kernel compares them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::policy {

/// `name` is what ParseEndpoint made of it: labels of 1 to 63 bytes, at most 253 in all. With root label.
[[nodiscard]] inline std::string ToWire(std::string_view name) {
  std::string wire;
  wire.reserve(name.size() + 2);
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    wire += static_cast<char>(label.size());
    wire += label;
    name = dot == name.npos ? std::string_view() : name.substr(dot + 1);
  }
  return wire += '\0';
}

/// The wire form without its first label; empty for the root and for what is no wire form.
[[nodiscard]] inline std::string_view ParentWire(std::string_view wire) {
  const std::size_t label = wire.empty() ? 0 : static_cast<std::uint8_t>(wire[0]);
  return label == 0 || label + 1 >= wire.size() ? std::string_view() : wire.substr(label + 1);
}

/// Dotted form for people; not unambiguous for labels with dots in them, so never for comparing.
[[nodiscard]] inline std::string FromWire(std::string_view wire) {
  std::string name;
  for (; wire.size() > 1; wire = ParentWire(wire)) {
    const std::size_t label = static_cast<std::uint8_t>(wire[0]);
    if (!name.empty()) name += '.';
    name += wire.substr(1, label);
  }
  return name;
}

}  // namespace weir::policy
