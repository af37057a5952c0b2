// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "bpf/abi.h"
#include "sensor/base/result.h"

namespace weir::lab {

/// One record as the kernel wrote it.
struct Record {
  bool urgent = false;  ///< came through weir_denials
  std::vector<std::byte> bytes;

  /// The event's fixed part; T must not be longer than the record (zero-filled if it is).
  template <typename T>
  [[nodiscard]] T As() const {
    T value{};
    std::memcpy(&value, bytes.data(), std::min(sizeof(value), bytes.size()));
    return value;
  }
  [[nodiscard]] weir_event event() const { return As<weir_event>(); }
  [[nodiscard]] unsigned kind() const { return event().kind; }
};

/// Reads both rings. One thread.
class Rings {
 public:
  static Result<std::unique_ptr<Rings>> Open(const bpf_map* events, const bpf_map* denials);

  Rings(const Rings&) = delete;
  Rings& operator=(const Rings&) = delete;
  ~Rings() = default;

  /// What is in the rings now; does not wait. Order within a ring is the kernel's.
  std::vector<Record> Take();
  /// Waits for a wake-up: true when one came in time. Only urgent records wake.
  bool WaitForWake(std::chrono::milliseconds limit);

 private:
  struct Source {
    Rings* rings;
    bool urgent;
  };
  struct Free {
    void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
  };
  Rings() = default;
  static int OnRecord(void* source, void* data, std::size_t size);

  std::vector<Record> records_;
  Source plain_{this, false};
  Source urgent_{this, true};
  std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace weir::lab
