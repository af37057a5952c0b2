// SPDX-License-Identifier: Apache-2.0
// One loaded skeleton. Hides which one: programs and maps are found by name.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sensor/base/result.h"

struct weir_egress;
struct weir_fallback;
struct weir_guard;
struct weir_process;

namespace weir::sensor_bpf {

struct LoadOptions {
  std::filesystem::path pin_directory;  ///< maps that are pinned there are used, others are pinned there
  std::uint32_t events_ring_bytes = 0;  ///< 0: as built; an already pinned ring keeps its size
  std::uint32_t denials_ring_bytes = 0;
  std::uint64_t name_seed = 0;
};

/// Owner of a skeleton with its program and map descriptors. Programs stay attached through their links, not through
/// this.
class Object {
 public:
  /// Opens and loads. The verifier's last words are part of the error.
  [[nodiscard]] static Result<Object> LoadEgress(const LoadOptions& options);
  [[nodiscard]] static Result<Object> LoadProcess(const LoadOptions& options);
  [[nodiscard]] static Result<Object> LoadFallback(const LoadOptions& options);
  /// All but the programs named in `without`.
  [[nodiscard]] static Result<Object> LoadGuard(const LoadOptions& options, const std::set<std::string>& without);

  /// Programs that were loaded, in the order of the object file.
  [[nodiscard]] std::vector<bpf_program*> Programs() const;
  [[nodiscard]] bpf_object* get() const { return object_; }

 private:
  using Owner = std::unique_ptr<void, void (*)(void*)>;
  Object(Owner owner, bpf_object* object) : owner_(std::move(owner)), object_(object) {}
  template <typename Skeleton>
  static Result<Object> Load(const LoadOptions& options, const std::set<std::string>& without = {});

  Owner owner_;
  bpf_object* object_;
};

}  // namespace weir::sensor_bpf
