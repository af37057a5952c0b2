// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "sensor/base/result.h"

namespace weir::lab {

/// A directory in bpffs of the test's own (mounts bpffs when it is not). The destructor removes it and what was pinned.
class PinDir {
 public:
  static Result<PinDir> Create();

  PinDir(PinDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  PinDir& operator=(PinDir&&) = delete;
  PinDir(const PinDir&) = delete;
  PinDir& operator=(const PinDir&) = delete;
  ~PinDir();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit PinDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace weir::lab
