// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sensor/base/result.h"

namespace weir::jobs {

/// "20260817-093015123-q3k7x0v2md": UTC to the millisecond, then 50 random bits. Sorts by time, is a file and a cgroup
/// name, and cannot be guessed by another job.
[[nodiscard]] Result<std::string> MakeJobId(std::int64_t unix_ns);

/// 1–64 bytes of [a-z0-9-]. Ids from files and clients are checked before they become part of a path.
[[nodiscard]] bool IsJobId(std::string_view text);

/// The job whose cgroup a path of the cgroup2 hierarchy leads through ("/…/weir/<id>/…"), whichever sensor made it;
/// empty: none.
[[nodiscard]] std::string JobIdInCgroup(std::string_view path);

/// Unix and boot clocks, nanoseconds.
[[nodiscard]] std::int64_t UnixNow();
[[nodiscard]] std::uint64_t BootNow();

/// Random id of this boot (/proc/sys/kernel/random/boot_id), without the newline.
[[nodiscard]] Result<std::string> BootId();

}  // namespace weir::jobs
