// SPDX-License-Identifier: Apache-2.0
// Wrong answers. A sensor that believes one of them lets a job reach an address that no allowed name has.
#pragma once

#include <string_view>

#include "tests/lab/dns_wire.h"

namespace weir::lab {

/// Answers `query` wrongly in the way that `variant` names, with `address` (4 bytes) as the bait. Empty: no such
/// variant.
Bytes Forge(std::string_view variant, const Query& query, const Bytes& address);

}  // namespace weir::lab
