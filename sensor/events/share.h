// SPDX-License-Identifier: Apache-2.0
// How jobs share what is bounded for all of them together.
#pragma once

#include <cstddef>

namespace weir::events {

/// May somebody who holds `own` of the `used` part of `bound` take `more`? Yes, while that leaves at least as much free
/// as is then theirs. One who takes all that he can get has a half; of N such, each has 1/(N+1), and as much is free
/// for whoever needs little. The rings follow the same rule (bpf/ring.bpf.h). Where nobody else comes half of the bound
/// stays unused, which is the price of needing neither reserves nor numbers of jobs.
[[nodiscard]] constexpr bool WithinShare(std::size_t bound, std::size_t used, std::size_t own, std::size_t more) {
  return used + own + 2 * more <= bound;
}

}  // namespace weir::events
