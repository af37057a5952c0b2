// SPDX-License-Identifier: Apache-2.0
// Whole small files, read with a bound and written so that a crash leaves the old or the new one.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "sensor/base/result.h"

namespace weir::jobs {

/// kExhausted: longer than `bound` bytes.
[[nodiscard]] Result<std::string> ReadSmallFile(const std::filesystem::path& path, std::size_t bound);

/// Writes beside it (0600), syncs, renames, and syncs the directory when `sync`: then it survives a power cut.
[[nodiscard]] Result<> ReplaceFile(const std::filesystem::path& path, std::string_view bytes, bool sync);

}  // namespace weir::jobs
