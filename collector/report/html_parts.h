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

/// The table of steps; empty when nothing is of one.
[[nodiscard]] std::string Steps(const JobReport& report);

/// `<code>` with isolated, escaped text; cut to `columns`, with the whole as its tooltip.
[[nodiscard]] std::string Code(std::string_view text, std::size_t columns = 200);

/// At most `most` items, and how many more; of `paths` the last component.
[[nodiscard]] std::string List(const std::vector<std::string>& items, std::size_t most, bool paths);

/// "and 12 more destinations, all in the JSON report"; empty when all are shown.
[[nodiscard]] std::string More(std::size_t all, std::size_t shown, const char* noun);

/// The first things that were refused, a sentence each: who tried what. Empty when nothing was.
[[nodiscard]] std::string Culprits(const JobReport& report);

/// The table of what was refused.
[[nodiscard]] std::string Refused(const JobReport& report);

}  // namespace weir::report::html
