// SPDX-License-Identifier: Apache-2.0
// A job's cgroup. What lies below it may be made by the job itself: names there are hostile and never followed out.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::jobs {

/// Owner of an open cgroup directory, not of its existence: Remove() ends that.
class JobCgroup {
 public:
  /// Makes `<root>/weir/<job_id>`. kExists: there is one of that name.
  [[nodiscard]] static Result<JobCgroup> Create(const std::filesystem::path& root, const std::string& job_id);
  /// Opens one that an earlier sensor made. kNotFound: it is gone, or another one (`id` differs).
  [[nodiscard]] static Result<JobCgroup> Open(const std::filesystem::path& path, std::uint64_t id);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// The kernfs node's id, which bpf_get_current_cgroup_id() and struct kernfs_node.id show.
  [[nodiscard]] std::uint64_t id() const { return id_; }

  /// Moves a process, with all its threads.
  [[nodiscard]] Result<> Add(pid_t pid) const;
  /// Process ids in the subtree; none when it was removed from outside.
  [[nodiscard]] Result<std::vector<pid_t>> Processes() const;
  /// True: no live process in the subtree; waits up to `wait` for that.
  [[nodiscard]] Result<bool> WaitEmpty(std::chrono::milliseconds wait) const;
  /// SIGKILL to everybody in the subtree at once. kUnsupported: Linux before 5.14.
  [[nodiscard]] Result<> Kill() const;
  /// Removes the subtree. kUnavailable: processes are still in it.
  [[nodiscard]] Result<> Remove() const;

 private:
  JobCgroup(std::filesystem::path path, Fd directory, std::uint64_t id)
      : path_(std::move(path)), directory_(std::move(directory)), id_(id) {}

  std::filesystem::path path_;
  Fd directory_;
  std::uint64_t id_;
};

/// Removes the cgroup below `<root>/weir` that has this id, for jobs of which nothing else is known. None is no error.
/// kUnavailable: processes are still in it.
[[nodiscard]] Result<> RemoveCgroupById(const std::filesystem::path& root, std::uint64_t id);

/// Takes away `<root>/weir` when no job is left in it; that it cannot is no error.
void RemoveJobsDirectory(const std::filesystem::path& root);

/// Path of a process's cgroup in the cgroup2 hierarchy, from its root ("/weir/…"). kNotFound: no such process.
[[nodiscard]] Result<std::string> CgroupOfProcess(pid_t pid);

/// A cgroup.procs file.
[[nodiscard]] std::vector<pid_t> ParseProcs(std::string_view text);

/// "0::/a/b" of /proc/<pid>/cgroup. Empty: no line of version 2.
[[nodiscard]] std::string ParseProcCgroup(std::string_view text);

}  // namespace weir::jobs
