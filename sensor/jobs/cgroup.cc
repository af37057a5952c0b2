// SPDX-License-Identifier: Apache-2.0
#include "sensor/jobs/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <memory>
#include <utility>

#include "sensor/jobs/file.h"

namespace weir::jobs {
namespace {

// The kernel allows more (cgroup.max.depth), but a job that nests deeper only keeps its own directory alive.
constexpr int kMaxDepth = 256;
constexpr std::size_t kMaxProcsBytes = 4u << 20;

Fd OpenAt(int directory, const char* name, int flags) {
  return Fd(::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW));
}

std::vector<std::string> Children(int directory) {
  std::vector<std::string> names;
  const int copy = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return names;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  if (!stream) {
    ::close(copy);
    return names;
  }
  while (const dirent* entry = ::readdir(stream.get())) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  }
  return names;
}

Result<std::string> ReadAt(int directory, const char* name) {
  Fd file = OpenAt(directory, name, O_RDONLY);
  if (!file) return FailErrno(std::string("cannot open ") + name, errno);
  return ReadSmallFile("/proc/self/fd/" + std::to_string(file.get()), kMaxProcsBytes);
}

/// A removed cgroup: the kernel removes only what holds no live process. Its directory has no files any more (ENOENT);
/// a file of it that was open says ENODEV.
bool IsGone(int sys_errno) { return sys_errno == ENOENT || sys_errno == ENODEV; }

Result<> Collect(int directory, int depth, std::vector<pid_t>& pids) {
  auto text = ReadAt(directory, "cgroup.procs");
  if (text) {
    const std::vector<pid_t> here = ParseProcs(*text);
    pids.insert(pids.end(), here.begin(), here.end());
  } else if (text.error().sys_errno != EOPNOTSUPP && !IsGone(text.error().sys_errno)) {
    return tl::unexpected<Error>(std::move(text).error());  // EOPNOTSUPP: threaded; its processes are listed above it
  }
  if (depth >= kMaxDepth) return {};
  for (const std::string& name : Children(directory)) {
    Fd child = OpenAt(directory, name.c_str(), O_RDONLY | O_DIRECTORY);
    if (child) WEIR_TRY(Collect(child.get(), depth + 1, pids));
  }
  return {};
}

void RemoveBelow(int directory, int depth) {
  if (depth >= kMaxDepth) return;
  for (const std::string& name : Children(directory)) {
    if (Fd child = OpenAt(directory, name.c_str(), O_RDONLY | O_DIRECTORY)) RemoveBelow(child.get(), depth + 1);
    (void)::unlinkat(directory, name.c_str(), AT_REMOVEDIR);
  }
}

Result<bool> IsPopulated(int events_fd) {
  char buffer[512];
  const ssize_t got = ::pread(events_fd, buffer, sizeof(buffer), 0);
  if (got < 0 && IsGone(errno)) return false;
  if (got < 0) return FailErrno("cannot read cgroup.events", errno);
  return std::string_view(buffer, static_cast<std::size_t>(got)).find("populated 1") != std::string_view::npos;
}

}  // namespace

Result<JobCgroup> JobCgroup::Create(const std::filesystem::path& root, const std::string& job_id) {
  const std::filesystem::path parent = root / "weir";
  if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST)
    return FailErrno("cannot make cgroup " + parent.string(), errno);
  const std::filesystem::path path = parent / job_id;
  if (::mkdir(path.c_str(), 0755) != 0) {
    if (errno == EEXIST) return Fail(Code::kExists, "cgroup " + path.string() + " exists already", EEXIST);
    return FailErrno("cannot make cgroup " + path.string(), errno);
  }
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!directory || ::fstat(directory.get(), &info) != 0) {
    const int failed = errno;
    (void)::rmdir(path.c_str());
    return FailErrno("cannot open cgroup " + path.string(), failed);
  }
  return JobCgroup(path, std::move(directory), info.st_ino);
}

Result<JobCgroup> JobCgroup::Open(const std::filesystem::path& path, std::uint64_t id) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory) return FailErrno("cannot open cgroup " + path.string(), errno);
  struct stat info {};
  if (::fstat(directory.get(), &info) != 0) return FailErrno("cannot look at cgroup " + path.string(), errno);
  if (info.st_ino != id) return Fail(Code::kNotFound, "cgroup " + path.string() + " is another one than before");
  return JobCgroup(path, std::move(directory), id);
}

Result<> JobCgroup::Add(pid_t pid) const {
  Fd procs = OpenAt(directory_.get(), "cgroup.procs", O_WRONLY);
  if (!procs) return FailErrno("cannot open cgroup.procs of " + path_.string(), errno);
  const std::string text = std::to_string(pid);
  if (::write(procs.get(), text.data(), text.size()) < 0) {
    if (errno == ESRCH) return Fail(Code::kNotFound, "there is no process " + text, ESRCH);
    return FailErrno("cannot move process " + text + " to cgroup " + path_.string(), errno);
  }
  return {};
}

Result<std::vector<pid_t>> JobCgroup::Processes() const {
  std::vector<pid_t> pids;
  WEIR_TRY(Collect(directory_.get(), 0, pids));
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Result<bool> JobCgroup::WaitEmpty(std::chrono::milliseconds wait) const {
  Fd events = OpenAt(directory_.get(), "cgroup.events", O_RDONLY);
  if (!events && IsGone(errno)) return true;
  if (!events) return FailErrno("cannot open cgroup.events of " + path_.string(), errno);
  const auto deadline = std::chrono::steady_clock::now() + wait;
  while (true) {
    auto populated = IsPopulated(events.get());
    if (!populated) return populated;
    if (!*populated) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    // The kernel notifies changes of cgroup.events as POLLPRI (Documentation/admin-guide/cgroup-v2.rst).
    pollfd waiting{events.get(), POLLPRI, 0};
    (void)::poll(&waiting, 1, static_cast<int>(left.count()));
  }
}

Result<> JobCgroup::Kill() const {
  Fd kill = OpenAt(directory_.get(), "cgroup.kill", O_WRONLY);
  if (!kill && errno == ENOENT) return Fail(Code::kUnsupported, "this kernel has no cgroup.kill (Linux 5.14)", ENOENT);
  if (!kill || ::write(kill.get(), "1", 1) != 1)
    return FailErrno("cannot kill what is in cgroup " + path_.string(), errno);
  return {};
}

Result<> JobCgroup::Remove() const {
  RemoveBelow(directory_.get(), 0);
  if (::rmdir(path_.c_str()) == 0 || errno == ENOENT) return {};
  if (errno == EBUSY) return Fail(Code::kUnavailable, "processes are still in cgroup " + path_.string(), EBUSY);
  return FailErrno("cannot remove cgroup " + path_.string(), errno);
}

Result<> RemoveCgroupById(const std::filesystem::path& root, std::uint64_t id) {
  const std::filesystem::path jobs = root / "weir";
  Fd directory(::open(jobs.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return {};
  for (const std::string& name : Children(directory.get())) {
    if (auto cgroup = JobCgroup::Open(jobs / name, id)) return cgroup->Remove();
  }
  return {};
}

void RemoveJobsDirectory(const std::filesystem::path& root) { (void)::rmdir((root / "weir").c_str()); }

std::vector<pid_t> ParseProcs(std::string_view text) {
  std::vector<pid_t> pids;
  const char* at = text.data();
  const char* end = at + text.size();
  while (at < end) {
    pid_t pid = 0;
    const auto [next, error] = std::from_chars(at, end, pid);
    // 0: a process of a pid namespace that is not seen from here.
    if (error == std::errc() && pid > 0) pids.push_back(pid);
    at = std::find(next, end, '\n');
    if (at < end) ++at;
  }
  return pids;
}

std::string ParseProcCgroup(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.starts_with("0::")) return std::string(line.substr(3));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

Result<std::string> CgroupOfProcess(pid_t pid) {
  auto text = ReadSmallFile("/proc/" + std::to_string(pid) + "/cgroup", 1u << 20);
  if (!text) {
    if (text.error().sys_errno == ESRCH) return Fail(Code::kNotFound, "there is no such process", ESRCH);
    return tl::unexpected<Error>(std::move(text).error());
  }
  return ParseProcCgroup(*text);
}

}  // namespace weir::jobs
