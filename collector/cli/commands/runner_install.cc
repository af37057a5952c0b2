// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "collector/cli/commands/runner.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/term/console.h"
#include "sensor/base/fd.h"
#include "sensor/runner/enrolment.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEnvBytes = 1u << 20;
constexpr const char* kVariables[] = {"ACTIONS_RUNNER_HOOK_JOB_STARTED", "ACTIONS_RUNNER_HOOK_JOB_COMPLETED"};
constexpr const char* kScripts[] = {"job-started.sh", "job-completed.sh"};

// What Runner.Worker itself speaks to; docs/runner.md says where the list comes from.
constexpr const char* kDefaultFile =
    R"(# Which policy holds for which job of this runner; docs/runner.md. Read at each job's beginning.
version: 1
directory: "DIRECTORY"
user: "USER"
policies:                      # the first that fits holds; none: the job reaches nothing
  - repository: "*"            # owner/name, `*` for any characters; likewise `workflow` and `job`
    repository_policy: require # narrow, require or ignore; add `policy: /etc/weir/policies/…` to bound it
endpoints:                     # what Runner.Worker itself needs, and nobody else gets
  - github.com
  - api.github.com
  - "*.actions.githubusercontent.com"
  - "*.blob.core.windows.net"
  - codeload.github.com
)";

// Falls towards running nothing: a job that was not begun must not go on, whatever its steps say about `always()`.
// With 65 it was begun, and reaches nothing.
constexpr const char* kStarted = R"(#!/bin/sh
# Written by `weir runner install`.
'PROGRAM' runner hook started --sensor 'SOCKET' || {
  status=$?
  [ "$status" -eq 65 ] || kill -KILL "$PPID" # Runner.Worker
  exit "$status"
}
)";
constexpr const char* kCompleted = R"(#!/bin/sh
# Written by `weir runner install`.
exec 'PROGRAM' runner hook completed --sensor 'SOCKET'
)";

std::string Filled(std::string text, const std::string& key, const std::string& value) {
  for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + value.size()))
    text.replace(at, key.size(), value);
  return text;
}

std::string NameOf(const fs::path& directory) {
  std::string name = directory.string().substr(1);
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

Result<> WriteOwn(const fs::path& path, const std::string& text, mode_t mode) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return FailErrno("write " + path.string(), errno);
  if (::fchmod(file.get(), mode) != 0) return FailErrno("write " + path.string(), errno);
  return WriteWhole(file.get(), text, path.string());
}

/// DIR/.env, in a directory that is the runner's: a link there is somebody else's wish, and not followed.
class EnvFile {
 public:
  static Result<EnvFile> Open(const fs::path& directory, const struct stat& owner) {
    const fs::path path = directory / ".env";
    EnvFile env;
    env.path_ = path;
    env.file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644));
    struct stat info {};
    if (!env.file_ || ::fstat(env.file_.get(), &info) != 0) return FailErrno("open " + path.string(), errno);
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1)
      return Fail(Code::kInvalid, path.string() + " is not a plain file of its own");
    if (info.st_uid == 0 && ::fchown(env.file_.get(), owner.st_uid, owner.st_gid) != 0)
      return FailErrno("give " + path.string() + " to the runner's user", errno);
    std::string text(std::min(static_cast<std::size_t>(info.st_size), kMaxEnvBytes), '\0');
    const ssize_t got = ::pread(env.file_.get(), text.data(), text.size(), 0);
    if (got < 0) return FailErrno("read " + path.string(), errno);
    text.resize(static_cast<std::size_t>(got));
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) env.lines_.push_back(line);
    return env;
  }

  /// Empty: not set.
  [[nodiscard]] std::string ValueOf(const std::string& variable) const {
    for (const std::string& line : lines_)
      if (line.starts_with(variable + "=")) return line.substr(variable.size() + 1);
    return {};
  }
  void Unset(const std::string& variable) {
    std::erase_if(lines_, [&](const std::string& line) { return line.starts_with(variable + "="); });
  }
  void Set(const std::string& variable, const std::string& value) {
    Unset(variable);
    lines_.push_back(variable + "=" + value);
  }
  [[nodiscard]] Result<> Save() const {
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0)
      return FailErrno("write " + path_.string(), errno);
    return WriteWhole(file_.get(), text, path_.string());
  }

 private:
  fs::path path_;
  Fd file_;
  std::vector<std::string> lines_;
};

struct Found {
  fs::path directory;
  struct stat owner {};
  std::string user;
};

Result<Found> FindRunnerIn(const std::string& directory) {
  if (::geteuid() != 0) return Fail(Code::kPrivilege, "needs root: run it with sudo");
  std::error_code error;
  Found found;
  found.directory = fs::canonical(directory, error);
  if (error) return FailErrno("look at " + directory, error.value());
  if (!fs::exists(found.directory / "bin" / "Runner.Worker", error))
    return Fail(Code::kInvalid, directory + " is no runner's directory: it has no bin/Runner.Worker");
  if (found.directory.string().find_first_of("'\"\\\n") != std::string::npos)
    return Fail(Code::kInvalid, directory + ": a directory with quotes in its name is not supported");
  if (::stat(found.directory.c_str(), &found.owner) != 0) return FailErrno("look at " + directory, errno);
  const passwd* user = ::getpwuid(found.owner.st_uid);
  if (found.owner.st_uid == 0 || user == nullptr)
    return Fail(Code::kInvalid, directory +
                                    " belongs to root, or to nobody of this host: a runner needs a user of its "
                                    "own, because root outside of jobs may do everything");
  found.user = user->pw_name;
  return found;
}

Result<> Install(const RunnerOptions& options) {
  const auto found = FindRunnerIn(options.directory);
  WEIR_TRY(found);
  auto env = EnvFile::Open(found->directory, found->owner);
  WEIR_TRY(env);
  const fs::path config = options.config_dir, hooks = config / "hooks", runners = config / "runners";
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  for (const fs::path& directory : {hooks, runners}) {
    fs::create_directories(directory, error);
    if (error) return FailErrno("make " + directory.string(), error.value());
  }
  const char* texts[] = {kStarted, kCompleted};
  for (std::size_t i = 0; i < std::size(kVariables); ++i) {
    const std::string path = (hooks / kScripts[i]).string(), before = env->ValueOf(kVariables[i]);
    if (!before.empty() && before != path)
      return Fail(Code::kInvalid, std::string(kVariables[i]) + " is set already, to " + before +
                                      "; take it out of .env, and call it from a wrapper if it is needed");
    const std::string text = Filled(Filled(texts[i], "PROGRAM", program), "SOCKET", options.places.sensor_socket);
    WEIR_TRY(WriteOwn(path, text, 0755));
    env->Set(kVariables[i], path);
  }
  const fs::path file = runners / (NameOf(found->directory) + ".yml");
  if (!fs::exists(file, error))
    WEIR_TRY(WriteOwn(file, Filled(Filled(kDefaultFile, "DIRECTORY", found->directory), "USER", found->user), 0644));
  WEIR_TRY(env->Save());
  Put(file.string() + "\n");
  Say("enrolled; choose its policies in that file, then restart the runner");
  return {};
}

Result<> Remove(const RunnerOptions& options) {
  const auto found = FindRunnerIn(options.directory);
  WEIR_TRY(found);
  const fs::path file = fs::path(options.config_dir) / "runners" / (NameOf(found->directory) + ".yml");
  if (::unlink(file.c_str()) != 0) return FailErrno("no such runner is enrolled: remove " + file.string(), errno);
  auto env = EnvFile::Open(found->directory, found->owner);
  WEIR_TRY(env);
  for (const char* variable : kVariables) env->Unset(variable);
  WEIR_TRY(env->Save());
  Say("no longer enrolled; restart the runner");
  return {};
}

}  // namespace

int InstallRunner(const RunnerOptions& options) {
  const auto done = Install(options);
  return done ? kExitOk : Complain(done.error());
}

int RemoveRunner(const RunnerOptions& options) {
  const auto done = Remove(options);
  return done ? kExitOk : Complain(done.error());
}

int ListRunners(const RunnerOptions& options) {
  const auto all = runner::LoadEnrolments(fs::path(options.config_dir) / "runners");
  if (!all) return Complain(all.error());
  for (const runner::Enrolment& one : *all) {
    const passwd* user = ::getpwuid(one.uid);
    Put(SafeLine(one.name + " " + (user != nullptr ? user->pw_name : std::to_string(one.uid)) + " " +
                 one.directory.string()));
  }
  return kExitOk;
}

}  // namespace weir::cli
