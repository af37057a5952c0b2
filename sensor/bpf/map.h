// SPDX-License-Identifier: Apache-2.0
// Typed access to BPF maps by file descriptor. Many entries go by batch operations, one by one where the kernel has
// none for the map's type.
#pragma once

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "sensor/base/result.h"

namespace weir::sensor_bpf {

/// errno of a kernel that knows the command and not for this map (include/linux/errno.h; not in user space's).
inline constexpr int kErrnoNotSupported = 524;

/// "map full" and "out of memory" become kExhausted.
[[nodiscard]] tl::unexpected<Error> FailMap(const char* doing, const char* map, int sys_errno);

/// A map, borrowed: the fd belongs to Programs. All functions may be called from any thread.
template <typename K, typename V>
class Map {
  static_assert(std::is_trivially_copyable_v<K> && std::is_trivially_copyable_v<V>);

 public:
  Map() = default;
  Map(int fd, const char* name) : fd_(fd), name_(name) {}

  [[nodiscard]] int fd() const { return fd_; }

  [[nodiscard]] Result<> Put(const K& key, const V& value, std::uint64_t flags = BPF_ANY) const {
    if (bpf_map_update_elem(fd_, &key, &value, flags) == 0) return {};
    return FailMap("write", name_, errno);
  }

  /// nullopt: no such entry.
  [[nodiscard]] Result<std::optional<V>> Get(const K& key) const {
    V value{};
    if (bpf_map_lookup_elem(fd_, &key, &value) == 0) return std::optional<V>(value);
    if (errno == ENOENT) return std::optional<V>();
    return FailMap("read", name_, errno);
  }

  /// Removing what is not there is no error.
  [[nodiscard]] Result<> Remove(const K& key) const {
    if (bpf_map_delete_elem(fd_, &key) == 0 || errno == ENOENT) return {};
    return FailMap("remove from", name_, errno);
  }

  /// Writes keys[i] → values[i]. Not atomic: after an error some are written.
  [[nodiscard]] Result<> PutAll(std::span<const K> keys, std::span<const V> values) const {
    std::size_t done = 0;
    while (done < keys.size()) {
      auto count = static_cast<std::uint32_t>(std::min<std::size_t>(keys.size() - done, kBatch));
      if (bpf_map_update_batch(fd_, &keys[done], &values[done], &count, nullptr) == 0) {
        done += count;
        continue;
      }
      if (!BatchIsMissing(errno)) return FailMap("write", name_, errno);
      for (; done < keys.size(); ++done) WEIR_TRY(Put(keys[done], values[done]));
    }
    return {};
  }

  /// Calls visit(key, value) for each entry. Entries that change meanwhile may be seen or not; none is seen twice by
  /// batch.
  template <typename Visit>
  [[nodiscard]] Result<> ForEach(const Visit& visit) const {
    std::size_t size = kBatch;
    std::vector<K> keys(size);
    std::vector<V> values(size);
    struct Token {
      alignas(8) unsigned char bytes[sizeof(K) < 8 ? 8 : sizeof(K)];
    } token{}, next{};
    bool first = true;
    while (true) {
      auto count = static_cast<std::uint32_t>(size);
      const int failed =
          bpf_map_lookup_batch(fd_, first ? nullptr : &token, &next, keys.data(), values.data(), &count, nullptr) == 0
              ? 0
              : errno;
      if (failed == ENOSPC) {  // one hash bucket holds more than fits
        size *= 2;
        keys.resize(size);
        values.resize(size);
        continue;
      }
      if (failed != 0 && failed != ENOENT) {
        if (first && BatchIsMissing(failed)) return ForEachByKey(visit);
        return FailMap("list", name_, failed);
      }
      for (std::uint32_t i = 0; i < count; ++i) visit(keys[i], values[i]);
      if (failed == ENOENT) return {};
      token = next;
      first = false;
    }
  }

  /// Removes the entries of which matches(key, value); returns how many.
  template <typename Matches>
  [[nodiscard]] Result<std::size_t> RemoveIf(const Matches& matches) const {
    std::vector<K> doomed;
    WEIR_TRY(ForEach([&](const K& key, const V& value) {
      if (matches(key, value)) doomed.push_back(key);
    }));
    WEIR_TRY(RemoveAll(doomed));
    return doomed.size();
  }

  /// Calls act(key) for each key whose value is `value`, after the walk.
  template <typename Act>
  [[nodiscard]] Result<> ForEachValue(const V& value, const Act& act) const {
    std::vector<K> keys;
    WEIR_TRY(ForEach([&](const K& key, const V& held) {
      if (held == value) keys.push_back(key);
    }));
    for (const K& key : keys) WEIR_TRY(act(key));
    return {};
  }

  [[nodiscard]] Result<> RemoveAll(std::span<const K> keys) const {
    // A batch stops at the first key that is gone already, so it is only tried, and the rest goes one by one.
    std::size_t done = 0;
    while (done < keys.size()) {
      auto count = static_cast<std::uint32_t>(std::min<std::size_t>(keys.size() - done, kBatch));
      if (bpf_map_delete_batch(fd_, &keys[done], &count, nullptr) == 0) {
        done += count;
        continue;
      }
      for (const std::size_t end = std::min(keys.size(), done + kBatch); done < end; ++done) {
        WEIR_TRY(Remove(keys[done]));
      }
    }
    return {};
  }

 private:
  static constexpr std::size_t kBatch = 2048;

  static bool BatchIsMissing(int sys_errno) {
    return sys_errno == EINVAL || sys_errno == EOPNOTSUPP || sys_errno == kErrnoNotSupported;
  }

  template <typename Visit>
  [[nodiscard]] Result<> ForEachByKey(const Visit& visit) const {
    std::optional<K> at;
    K next{};
    while (bpf_map_get_next_key(fd_, at ? &*at : nullptr, &next) == 0) {
      V value{};
      if (bpf_map_lookup_elem(fd_, &next, &value) == 0) visit(next, value);
      at = next;
    }
    if (errno == ENOENT) return {};
    return FailMap("list", name_, errno);
  }

  int fd_ = -1;
  const char* name_ = "";
};

}  // namespace weir::sensor_bpf
