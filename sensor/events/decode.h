// SPDX-License-Identifier: Apache-2.0
// Bytes of a ring record (bpf/abi.h) to a domain event. Pure; hostile bytes give an Error, never undefined behaviour.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "sensor/base/result.h"
#include "sensor/events/event.h"

struct weir_flow_key;

namespace weir::events {

/// What is added to CLOCK_BOOTTIME to get Unix time, in nanoseconds.
[[nodiscard]] std::int64_t BootToUnixNs();

/// Scope of a record that may not decode; nothing when it is too short to say.
[[nodiscard]] std::optional<std::uint32_t> ScopeOfRecord(std::span<const std::byte> record);

/// `record`: exactly what the program submitted. Sequence and job id stay empty; rule texts too.
[[nodiscard]] Result<Event> Decode(std::span<const std::byte> record, std::int64_t boot_to_unix_ns);

/// The key of weir_flows. Unknown verdicts and hooks become kNone.
[[nodiscard]] FlowId DecodeFlowKey(const weir_flow_key& key);

/// Path components as the kernel walks them (bpf/path.h) to a path. `cut`: components nearest the root are missing, and
/// the path then does not begin with a slash.
[[nodiscard]] std::string PathFromParts(std::string_view leaf_first, bool cut);

}  // namespace weir::events
