// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/host_cgroups.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sensor/base/fd.h"
#include "sensor/jobs/cgroup.h"
#include "sensor/jobs/file.h"

namespace weir::jobs {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 64;  // systemd and engines use up to eight
constexpr std::size_t kMaxProcsBytes = 4u << 20;

/// The cgroup's directories below `path`, by name. Of one that is removed meanwhile: none.
std::vector<std::string> Children(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (auto entry = fs::directory_iterator(path, ignored); entry != fs::directory_iterator(); entry.increment(ignored))
    if (entry->is_directory(ignored) && !entry->is_symlink(ignored)) names.push_back(entry->path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

bool Means(const std::string& pattern, const fs::path& path) {
  const bool whole = pattern.find('/') != std::string::npos;
  return ::fnmatch(pattern.c_str(), whole ? path.c_str() : path.filename().c_str(), FNM_PATHNAME) == 0;
}

void Find(const fs::path& root, const fs::path& at, int depth, std::span<const std::string> patterns,
          std::vector<FoundCgroup>& found) {
  if (depth == kMaxDepth) return;
  for (const std::string& name : Children(root / at)) {
    const fs::path path = at / name;
    if (std::none_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return Means(pattern, path); })) {
      Find(root, path, depth + 1, patterns, found);
      continue;
    }
    struct stat info {};
    if (::stat((root / path).c_str(), &info) == 0) found.push_back({path, info.st_ino});
  }
}

/// Neither they nor zombies have an image.
bool IsKernelThread(pid_t pid) {
  char target = 0;
  return ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), &target, 1) < 0 && errno == ENOENT;
}

std::size_t MoveWithin(const fs::path& cgroup, const std::function<bool(pid_t)>& wanted) {
  const fs::path file = cgroup / "cgroup.procs";
  const auto text = ReadSmallFile(file, kMaxProcsBytes);
  const Fd procs(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!text || !procs) return 0;  // removed meanwhile, or threaded: its processes are listed above it
  std::size_t moved = 0;
  for (const pid_t pid : ParseProcs(*text)) {
    if (!wanted(pid) || IsKernelThread(pid)) continue;
    const std::string number = std::to_string(pid);
    if (::write(procs.get(), number.data(), number.size()) > 0) ++moved;
  }
  return moved;
}

std::size_t MoveBelow(const fs::path& root, const fs::path& at, int depth, std::span<const FoundCgroup> outside,
                      const std::function<bool(pid_t)>& wanted) {
  std::size_t moved = MoveWithin(root / at, wanted);
  if (depth == kMaxDepth) return moved;
  for (const std::string& name : Children(root / at)) {
    const fs::path path = at / name;
    if (std::none_of(outside.begin(), outside.end(), [&](const FoundCgroup& one) { return one.path == path; }))
      moved += MoveBelow(root, path, depth + 1, outside, wanted);
  }
  return moved;
}

}  // namespace

std::string FaultOfPattern(std::string_view pattern) {
  if (pattern.empty()) return "an empty name";
  if (pattern.front() == '/' || pattern.back() == '/') return "a path from the cgroup root has no slash at its ends";
  if (pattern.find_first_not_of("*/") == std::string_view::npos) return "it would leave everything outside";
  return {};
}

Result<std::vector<FoundCgroup>> FindCgroups(const fs::path& root, std::span<const std::string> patterns) {
  if (!fs::is_directory(root)) return Fail(Code::kNotFound, "there is no cgroup " + root.string());
  std::vector<FoundCgroup> found;
  Find(root, {}, 0, patterns, found);
  return found;
}

Result<std::size_t> MoveInPlace(const fs::path& root, std::span<const FoundCgroup> outside,
                                const std::function<bool(pid_t)>& wanted) {
  if (!fs::is_directory(root)) return Fail(Code::kNotFound, "there is no cgroup " + root.string());
  return MoveBelow(root, {}, 0, outside, wanted);
}

}  // namespace weir::jobs
