// SPDX-License-Identifier: Apache-2.0
#include "sensor/dnsforward/frame.h"

namespace weir::dns_forward {

void FrameReader::Add(std::string_view bytes) {
  bytes_.erase(0, taken_);
  taken_ = 0;
  // An idle connection keeps no room for the largest message that it ever had.
  if (bytes_.empty() && bytes_.capacity() > 4096) bytes_.shrink_to_fit();
  bytes_ += bytes;
}

std::optional<std::string_view> FrameReader::Next() {
  if (held() < 2) return std::nullopt;
  const std::string_view rest = std::string_view(bytes_).substr(taken_);
  const auto size =
      static_cast<std::size_t>(static_cast<std::uint8_t>(rest[0]) << 8 | static_cast<std::uint8_t>(rest[1]));
  if (rest.size() < 2 + size) return std::nullopt;
  taken_ += 2 + size;
  return rest.substr(2, size);
}

void AppendFrame(std::string& out, std::string_view message) {
  out += static_cast<char>(message.size() >> 8);
  out += static_cast<char>(message.size() & 0xff);
  out += message;
}

}  // namespace weir::dns_forward
