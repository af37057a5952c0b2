// SPDX-License-Identifier: Apache-2.0
// The directory in the BPF file system that keeps programs and maps alive while no sensor runs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/directory_lock.h"
#include "sensor/base/result.h"

namespace weir::sensor_bpf {

/// Owner of a pin directory: holds a lock on it, so that two sensors never share one.
class PinDirectory {
 public:
  /// Makes the directory (root, 0700) and mounts a BPF file system at /sys/fs/bpf when that is where it lies and
  /// nothing is mounted there. kExists: another sensor holds it. kInvalid: not in a BPF file system.
  [[nodiscard]] static Result<PinDirectory> Open(const std::filesystem::path& path);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path MapPath(std::string_view name) const { return path_ / name; }
  [[nodiscard]] std::filesystem::path LinkPath(std::string_view program) const { return path_ / "links" / program; }
  [[nodiscard]] bool HasMap(std::string_view name) const;

  /// Names of the links that are pinned.
  [[nodiscard]] std::vector<std::string> Links() const;

  /// Removes every pin below the directory; the directory itself stays, locked.
  [[nodiscard]] Result<> RemovePins() const;
  /// Removes every pin, and the directory.
  [[nodiscard]] Result<> Remove() const;

 private:
  PinDirectory(std::filesystem::path path, DirectoryLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  DirectoryLock lock_;
};

}  // namespace weir::sensor_bpf
