// SPDX-License-Identifier: Apache-2.0
// What a stream can show: its width and whether colours make sense.
#pragma once

#include <string>
#include <string_view>

namespace weir::cli {

/// Where text goes. Values; decided once per stream.
struct Screen {
  int columns = 0;      ///< 0: no limit (a file, a pipe)
  bool colour = false;  ///< a terminal, not "dumb", and NO_COLOR is not set (no-color.org)
};

/// Looks at descriptor `fd`. A terminal that does not tell its width has $COLUMNS, else 80.
[[nodiscard]] Screen ScreenOf(int fd);

enum class Tone { kPlain, kBold, kDim, kGood, kWarn, kBad };

/// `text` in the tone's colour, or as it is on a screen without colours. `text` must be safe to print already.
[[nodiscard]] std::string Paint(const Screen& screen, Tone tone, std::string_view text);

}  // namespace weir::cli
