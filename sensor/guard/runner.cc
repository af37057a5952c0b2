// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/runner.h"

#include <charconv>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

namespace weir::guard {
namespace {

namespace fs = std::filesystem;

struct Known {
  const char* name;
  bool readable;
};
// In the directory above bin/, where config.sh writes them.
constexpr Known kFiles[] = {{".credentials", false},
                            {".credentials_rsaparams", false},
                            {".credentials_migrated", false},
                            {".runner", true},
                            {".runner_migrated", true},
                            {".env", true},
                            {".path", true},
                            {"run.sh", true},
                            {"runsvc.sh", true},
                            {"run-helper.sh", true}};

bool IsRunner(const fs::path& process) {
  std::ifstream file(process / "comm");
  std::string comm;
  std::getline(file, comm);
  return comm == "Runner.Listener" || comm == "Runner.Worker";
}

void AddFiles(const fs::path& directory, Runner& runner) {
  std::error_code ignored;
  for (const Known& known : kFiles) {
    const fs::path file = directory / known.name;
    // Not where a link leads: that is for whoever made it to say.
    if (fs::symlink_status(file, ignored).type() == fs::file_type::regular)
      runner.files.push_back({file, known.readable});
  }
}

}  // namespace

Runner FindRunner(const std::function<bool(pid_t)>& is_a_jobs, const fs::path& proc) {
  Runner runner;
  std::set<fs::path> directories;
  std::error_code error;
  for (fs::directory_iterator entry(proc, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [rest, fault] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (fault != std::errc() || rest != name.data() + name.size() || !IsRunner(entry->path()) || is_a_jobs(pid))
      continue;
    runner.processes.push_back(pid);
    std::error_code gone;
    const fs::path executable = fs::read_symlink(entry->path() / "exe", gone);
    if (!gone && directories.insert(executable.parent_path().parent_path()).second)
      AddFiles(executable.parent_path().parent_path(), runner);
  }
  return runner;
}

}  // namespace weir::guard
