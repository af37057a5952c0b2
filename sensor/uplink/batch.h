// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "sensor/events/pipeline.h"

namespace weir::uplink {

/// Bytes that one event adds to a batch beside its own, and that a batch has without events, at most.
inline constexpr std::size_t kEventFraming = 6;
inline constexpr std::size_t kBatchFraming = 512;

/// A serialised weir.v1.EventBatch, put together from events that are serialised already (protobuf encoding: a repeated
/// message field is tag, length, bytes). Saves building and writing every event a second time.
[[nodiscard]] std::string EncodeBatch(const std::string& sensor, std::uint64_t epoch,
                                      std::span<const events::Outgoing> events);

}  // namespace weir::uplink
