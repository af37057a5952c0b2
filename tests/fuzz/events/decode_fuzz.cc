// SPDX-License-Identifier: Apache-2.0
// Any bytes as a ring record: decoded or refused; what was decoded is written out as valid protobuf.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "sensor/events/decode.h"
#include "sensor/events/to_proto.h"
#include "weir/v1/event.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto event = weir::events::Decode({reinterpret_cast<const std::byte*>(data), size}, 1'700'000'000'000'000'000);
  if (!event) return event.error().what.empty() ? std::abort(), 0 : 0;
  static weir::v1::Event wire, back;
  weir::events::ToProto(*event, wire);
  std::string bytes;
  weir::events::AppendSerialized(wire, bytes);
  // Fails when a `string` field is not UTF-8.
  if (!back.ParseFromString(bytes)) std::abort();
  return 0;
}
