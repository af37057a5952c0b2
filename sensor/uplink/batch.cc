// SPDX-License-Identifier: Apache-2.0
#include "sensor/uplink/batch.h"

namespace weir::uplink {
namespace {

// Tags of EventBatch: field number << 3 | wire type (2: length-delimited, 1: 64 bits). A test parses what they make.
constexpr char kSensorTag = 1 << 3 | 2;
constexpr char kEpochTag = 2 << 3 | 1;
constexpr char kEventsTag = 3 << 3 | 2;

void AppendVarint(std::string& out, std::size_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void AppendBytes(std::string& out, char tag, const std::string& bytes) {
  out += tag;
  AppendVarint(out, bytes.size());
  out += bytes;
}

}  // namespace

std::string EncodeBatch(const std::string& sensor, std::uint64_t epoch, std::span<const events::Outgoing> events) {
  std::size_t bytes = kBatchFraming;
  for (const events::Outgoing& event : events) bytes += event.bytes.size() + kEventFraming;
  std::string out;
  out.reserve(bytes);
  AppendBytes(out, kSensorTag, sensor);
  out += kEpochTag;
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(epoch >> shift & 0xff);
  for (const events::Outgoing& event : events) AppendBytes(out, kEventsTag, event.bytes);
  return out;
}

}  // namespace weir::uplink
