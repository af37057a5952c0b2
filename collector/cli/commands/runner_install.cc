// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "collector/cli/commands/runner.h"
#include "collector/cli/commands/runner_texts.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/output_file.h"
#include "collector/cli/host/runner_unit.h"
#include "collector/cli/term/console.h"
#include "sensor/base/fd.h"
#include "sensor/runner/enrolment.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEnvBytes = 1u << 20;
constexpr const char* kVariables[] = {"ACTIONS_RUNNER_HOOK_JOB_STARTED", "ACTIONS_RUNNER_HOOK_JOB_COMPLETED"};
constexpr const char* kScripts[] = {"job-started.sh", "job-completed.sh"};

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

/// The hooks in `hooks`, and their places in .env. Their variables, for the unit.
Result<Variables> InstallHooks(const fs::path& hooks, const std::string& socket, EnvFile& env) {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const char* texts[] = {kStartedHook, kCompletedHook};
  Variables variables;
  for (std::size_t i = 0; i < std::size(kVariables); ++i) {
    const std::string path = (hooks / kScripts[i]).string(), before = env.ValueOf(kVariables[i]);
    if (!before.empty() && before != path)
      return Fail(Code::kInvalid, std::string(kVariables[i]) + " is set already, to " + before +
                                      "; take it out of .env, and call it from a wrapper if it is needed");
    WEIR_TRY(WriteOwn(path, Filled(Filled(texts[i], "PROGRAM", program), "SOCKET", socket), 0755));
    env.Set(kVariables[i], path);
    variables.emplace_back(kVariables[i], path);
  }
  return variables;
}

/// What is there stays: it is the host's owner's. Says so when nothing is enforced yet.
Result<> InstallPolicies(const Found& found, const fs::path& file, const fs::path& policy) {
  std::error_code error;
  if (fs::exists(file, error)) {
    Say("enrolled before; " + file.string() + " stays as it is");
    return {};
  }
  if (!fs::exists(policy, error)) WEIR_TRY(WriteOwn(policy, kDefaultPolicy, 0644));
  std::string text = Filled(Filled(kDefaultEnrolment, "DIRECTORY", found.directory), "USER", found.user);
  WEIR_TRY(WriteOwn(file, Filled(std::move(text), "POLICY", policy), 0644));
  const auto now = ReadWholeFile(policy, kMaxEnvBytes);
  if (now && *now == kDefaultPolicy) {
    Say("NOTHING IS REFUSED YET: this runner's jobs are watched, under " + policy.string() + " in audit mode.");
    Say("To hold them to its list: sed -i 's/^mode: audit/mode: block/' " + policy.string());
  }
  return {};
}

/// A runner that no service starts works all the same; what its jobs then do without a sensor, the hook says.
Result<> InstallUnit(const Found& found, const std::string& wanted, const Variables& variables) {
  const UnitPlaces places;
  std::vector<std::string> units = UnitsOf(found.directory, places);
  if (!wanted.empty()) {
    if (!HasUnit(wanted, places)) return Fail(Code::kInvalid, "--unit " + wanted + ": this host has no such service");
    units = {wanted};
  }
  if (units.empty()) {
    const std::string noted = NotedUnit(found.directory);
    Say("no service of this host starts what is in " + found.directory.string() +
        (noted.empty() ? "" : " (its .service names " + noted + ")") +
        ": start the runner after the sensor. When it has one, run this again");
    return {};
  }
  if (!HasUnit(kSensorUnit, places)) {
    Say(std::string("this host has no ") + kSensorUnit + ": " + units.front() + " is not made to wait for it");
    return {};
  }
  bool changed = false;
  for (const std::string& unit : units) {
    const auto written = WriteDropIn(unit, found.directory, variables, places);
    WEIR_TRY(written);
    changed |= *written;
    Say(unit + " starts when the sensor is armed. When it runs no job: systemctl restart '" + unit + "'");
  }
  return changed ? ReloadUnits() : Result<>();
}

Result<> Install(const RunnerOptions& options) {
  const auto found = FindRunnerIn(options.directory);
  WEIR_TRY(found);
  auto env = EnvFile::Open(found->directory, found->owner);
  WEIR_TRY(env);
  const fs::path config = options.config_dir, hooks = config / "hooks", runners = config / "runners",
                 policies = config / "policies";
  std::error_code error;
  for (const fs::path& directory : {hooks, runners, policies}) {
    fs::create_directories(directory, error);
    if (error) return FailErrno("make " + directory.string(), error.value());
  }
  const auto variables = InstallHooks(hooks, options.places.sensor_socket, *env);
  WEIR_TRY(variables);
  const fs::path file = runners / (NameOf(found->directory) + ".yml");
  WEIR_TRY(InstallPolicies(*found, file, policies / "default.yml"));
  WEIR_TRY(env->Save());
  WEIR_TRY(InstallUnit(*found, options.unit, *variables));
  Put(file.string() + "\n");
  Say("enrolled; that file says which policy holds for which job. Restart the runner");
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
  const auto units = RemoveDropIns(found->directory, {});
  WEIR_TRY(units);
  for (const std::string& unit : *units) Say(unit + " no longer waits for the sensor");
  if (!units->empty()) WEIR_TRY(ReloadUnits());
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
