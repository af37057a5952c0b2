// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) as text.
#pragma once

#include <string>
#include <string_view>

namespace weir::report {

[[nodiscard]] std::string Sha256Hex(std::string_view bytes);
/// RFC 4648 base64, as Content-Security-Policy wants it.
[[nodiscard]] std::string Sha256Base64(std::string_view bytes);

}  // namespace weir::report
