// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::lab {

/// Where cgroup2 is mounted (`/proc/self/mountinfo`), or $WEIR_CGROUP_ROOT.
Result<std::string> CgroupRoot();

/// A cgroup of the test's own. The destructor kills what still runs in it and below, and removes it with its children.
class TempCgroup {
 public:
  /// Below the cgroup2 mount; `name` gets the pid and a counter appended.
  static Result<TempCgroup> Create(const std::string& name);
  /// Below this one.
  [[nodiscard]] Result<TempCgroup> CreateChild(const std::string& name) const;

  TempCgroup(TempCgroup&&) noexcept = default;
  TempCgroup& operator=(TempCgroup&&) = delete;
  TempCgroup(const TempCgroup&) = delete;
  TempCgroup& operator=(const TempCgroup&) = delete;
  ~TempCgroup();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }      ///< of the directory
  [[nodiscard]] std::uint64_t id() const { return id_; }  ///< kernfs node id, as bpf_get_current_cgroup_id() says it

  /// Moves a process (0: the caller) here. errno as from write(2).
  [[nodiscard]] Result<> Enter(pid_t pid = 0) const;

 private:
  static Result<TempCgroup> CreateAt(std::string path);
  TempCgroup(std::string path, Fd fd, std::uint64_t id) : path_(std::move(path)), fd_(std::move(fd)), id_(id) {}

  std::string path_;
  Fd fd_;
  std::uint64_t id_ = 0;
};

}  // namespace weir::lab
