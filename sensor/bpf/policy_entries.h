// SPDX-License-Identifier: Apache-2.0
// A compiled policy as rows of the kernel's tables. Pure: resolving executables is the caller's function.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bpf/abi.h"
#include "policy/compiled.h"
#include "sensor/base/result.h"

namespace weir::sensor_bpf {

/// A file as the kernel knows it: super block's device (major << 20 | minor) and inode number.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

/// nullopt: there is no such file here.
using FindExecutable = std::function<std::optional<FileIdentity>(const std::string& path)>;

/// stat(2) of the path, symbolic links followed, with the device of its mount (on overlayfs and btrfs stat's own device
/// is not the super block's).
[[nodiscard]] std::optional<FileIdentity> FindExecutableOnHost(const std::string& path);

/// Columns, because batch writes take keys and values apart.
template <typename K, typename V>
struct Rows {
  std::vector<K> keys;
  std::vector<V> values;
  void Add(const K& key, const V& value) {
    keys.push_back(key);
    values.push_back(value);
  }
};

struct PolicyEntries {
  Rows<weir_addr_key, weir_rule> exact;
  Rows<weir_cidr_key, weir_rule> cidr;
  Rows<weir_name_key, weir_name> names;
  Rows<weir_proc_key, std::uint64_t> executables;
  Rows<weir_proc_name_key, std::uint64_t> executable_names;
  std::uint32_t flags = 0;             ///< WEIR_S_*
  std::vector<std::string> not_found;  ///< paths of process lists that name no file here: those rules match nothing
};

/// kInternal when the policy breaks a promise of policy/compiled.h (a rule that no lookup could ever hit is not written
/// silently). `search`: suffixes in wire form, lower case, with root label.
[[nodiscard]] Result<PolicyEntries> ToEntries(std::uint32_t scope_id, const policy::CompiledPolicy& policy,
                                              std::span<const std::string> search, std::uint64_t name_seed,
                                              const FindExecutable& find_executable);

/// Key of a name's row.
[[nodiscard]] weir_name_key NameKey(std::uint32_t scope_id, const std::string& wire, std::uint8_t kind,
                                    std::uint64_t name_seed);

}  // namespace weir::sensor_bpf
