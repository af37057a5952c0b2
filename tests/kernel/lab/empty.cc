// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/empty.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::lab {
namespace {

Result<> EmptyKeys(const bpf_map* map) {
  const int fd = bpf_map__fd(map);
  std::vector<std::byte> key(bpf_map__key_size(map));
  while (bpf_map_get_next_key(fd, nullptr, key.data()) == 0)
    if (bpf_map_delete_elem(fd, key.data())) return FailErrno(std::string("empty ") + bpf_map__name(map), errno);
  return {};
}

Result<> ZeroArray(const bpf_map* map, std::size_t copies) {
  const std::size_t padded = (bpf_map__value_size(map) + std::size_t{7}) / 8 * 8;
  const std::vector<std::byte> zeros(padded * copies);
  for (std::uint32_t i = 0; i < bpf_map__max_entries(map); i++)
    if (bpf_map_update_elem(bpf_map__fd(map), &i, zeros.data(), BPF_ANY))
      return FailErrno(std::string("zero ") + bpf_map__name(map), errno);
  return {};
}

Result<> Empty(const bpf_map* map) {
  switch (bpf_map__type(map)) {
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_PERCPU_HASH:
    case BPF_MAP_TYPE_LPM_TRIE: return EmptyKeys(map);
    case BPF_MAP_TYPE_ARRAY: return ZeroArray(map, 1);
    case BPF_MAP_TYPE_PERCPU_ARRAY: return ZeroArray(map, static_cast<std::size_t>(libbpf_num_possible_cpus()));
    case BPF_MAP_TYPE_SK_STORAGE:
    case BPF_MAP_TYPE_RINGBUF: return {};
    default: return Fail(Code::kInternal, std::string("no way to empty ") + bpf_map__name(map));
  }
}

}  // namespace

Result<> EmptyMaps(bpf_object* object) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (bpf_map__is_internal(map)) continue;
    WEIR_TRY(Empty(map));
  }
  return {};
}

}  // namespace weir::lab
