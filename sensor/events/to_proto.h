// SPDX-License-Identifier: Apache-2.0
// Domain events to the wire (proto/weir/v1/event.proto). Pure.
#pragma once

#include <string>

#include "sensor/events/event.h"

namespace weir::v1 {
class Event;
}

namespace weir::events {

/// Overwrites `out`; reuse one object to save allocations. Every `string` field is valid UTF-8 whatever the event
/// holds.
void ToProto(const Event& event, weir::v1::Event& out);

/// Appends the serialised form to `out`. Equal events give equal bytes (maps are written in order of their keys), so
/// that digests can be compared.
void AppendSerialized(const weir::v1::Event& event, std::string& out);

}  // namespace weir::events
