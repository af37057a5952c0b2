// SPDX-License-Identifier: Apache-2.0
// Values that do not fit a column of their own.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "collector/store/model.h"

namespace weir::store {

/// Each item ended by a NUL, which no argument can contain. Items are cut at a NUL.
[[nodiscard]] std::string JoinNul(const std::vector<std::string>& items);
[[nodiscard]] std::vector<std::string> SplitNul(std::string_view joined);

/// "exec=3 flow=12": kinds are stable lower-case words.
[[nodiscard]] std::string JoinCounts(const std::map<std::string, std::uint64_t>& counts);
[[nodiscard]] std::map<std::string, std::uint64_t> SplitCounts(std::string_view text);

/// The booleans of an Exec as one number.
[[nodiscard]] std::uint32_t ExecFlags(const Exec& exec);
void SetExecFlags(Exec& exec, std::uint32_t flags);

}  // namespace weir::store
