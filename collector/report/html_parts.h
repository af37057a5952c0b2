// SPDX-License-Identifier: Apache-2.0
// The pieces of the HTML report. Each returns escaped markup.
#pragma once

#include <string>
#include <string_view>

#include "collector/report/model.h"

namespace weir::report::html {

/// The style sheet. Markup has no style attributes: the content security policy admits this sheet alone, by its hash.
[[nodiscard]] std::string_view Style();

/// Programs on the left, destinations on the right, the weir between them. Empty when there is nothing to draw.
[[nodiscard]] std::string Picture(const JobReport& report);

/// The process tree as nested lists that open and close without scripts.
[[nodiscard]] std::string ProcessTree(const JobReport& report);

/// `<code>` with isolated, escaped text; cut to `columns`, with the whole as its tooltip.
[[nodiscard]] std::string Code(std::string_view text, std::size_t columns = 200);

/// The last component of a path.
[[nodiscard]] std::string_view BaseName(std::string_view path);

}  // namespace weir::report::html
