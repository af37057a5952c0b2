// SPDX-License-Identifier: Apache-2.0
// DNS messages on a TCP stream: two bytes of length, then the message (RFC 1035 4.2.2, RFC 7766 8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weir::dns_forward {

inline constexpr std::size_t kMaxMessage = 65535;

/// Puts messages together from whatever pieces the stream brings.
class FrameReader {
 public:
  void Add(std::string_view bytes);

  /// The next whole message; valid until the next call of any function. Empty messages are given too.
  [[nodiscard]] std::optional<std::string_view> Next();

  /// Bytes held; a reader that is emptied by Next() before each Add() holds less than one message.
  [[nodiscard]] std::size_t held() const { return bytes_.size() - taken_; }

 private:
  std::string bytes_;
  std::size_t taken_ = 0;  ///< at the front, given out already
};

/// Appends length and message. `message` has at most kMaxMessage bytes.
void AppendFrame(std::string& out, std::string_view message);

}  // namespace weir::dns_forward
