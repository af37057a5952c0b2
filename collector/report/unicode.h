// SPDX-License-Identifier: Apache-2.0
// The little of Unicode that escaping needs: strict decoding and three classes of code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::report {

struct Decoded {
  std::uint32_t code_point = 0;
  std::size_t bytes = 0;  ///< 0: the text does not begin with valid UTF-8 (RFC 3629: no overlong forms, no surrogates)
};

/// The first code point of `text`, which must not be empty.
[[nodiscard]] Decoded DecodeUtf8(std::string_view text);

/// Invisible, or moves or reorders what stands around it: general categories Cc, Cf, Co, Cn (noncharacters), Zl, Zp,
/// Zs other than the space, and Default_Ignorable_Code_Point (Unicode 15.0).
[[nodiscard]] bool IsHidden(std::uint32_t code_point);

/// Draws itself over the character before it.
[[nodiscard]] bool IsCombining(std::uint32_t code_point);

/// East Asian wide or fullwidth, or an emoji (UAX #11): two terminal columns.
[[nodiscard]] bool IsWide(std::uint32_t code_point);

}  // namespace weir::report
