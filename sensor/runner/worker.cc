// SPDX-License-Identifier: Apache-2.0
#include "sensor/runner/worker.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "sensor/base/process_stat.h"

namespace weir::runner {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxAncestors = 64;

/// `bin`, or `bin.2.311.0` as the runner calls it after it has updated itself.
bool IsWorkerOf(const fs::path& executable, const fs::path& directory) {
  std::error_code error;
  const fs::path home = fs::weakly_canonical(directory, error);
  const std::string bin = executable.parent_path().filename().string();
  return executable.filename() == "Runner.Worker" && executable.parent_path().parent_path() == home &&
         (bin == "bin" || bin.starts_with("bin."));
}

}  // namespace

Result<Worker> FindWorker(pid_t caller, uid_t caller_uid, const std::vector<Enrolment>& enrolments,
                          const fs::path& proc) {
  pid_t pid = caller;
  for (int i = 0; i < kMaxAncestors && pid > 1; ++i) {
    const auto stat = ReadProcessStat(pid, proc);
    if (!stat) break;
    std::error_code error;
    const fs::path executable = fs::read_symlink(proc / std::to_string(pid) / "exe", error);
    struct stat owner {};
    const bool owned = ::stat((proc / std::to_string(pid)).c_str(), &owner) == 0;
    for (std::size_t n = 0; !error && owned && n < enrolments.size(); ++n) {
      const Enrolment& enrolment = enrolments[n];
      if (enrolment.uid == caller_uid && enrolment.uid == owner.st_uid && IsWorkerOf(executable, enrolment.directory))
        return Worker{pid, stat->start_ticks, executable, n};
    }
    pid = stat->parent;
  }
  return Fail(Code::kPrivilege,
              "BeginJob needs root: run it with sudo. Without it, only the hook of a runner that `weir runner install` "
              "enrolled may begin the job of its own Runner.Worker");
}

Fd OpenProcess(pid_t pid, std::uint64_t start_ticks) {
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  // Asked after the descriptor is there: it holds whoever has the number now.
  const auto stat = process ? ReadProcessStat(pid) : std::nullopt;
  return stat && stat->start_ticks == start_ticks ? std::move(process) : Fd();
}

}  // namespace weir::runner
