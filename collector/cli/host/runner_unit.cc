// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/runner_unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <sstream>

#include "collector/cli/host/child.h"
#include "collector/cli/host/output_file.h"
#include "sensor/base/fd.h"

namespace weir::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDropIn = "50-weir.conf";
constexpr std::size_t kMaxUnitBytes = 1u << 20;
constexpr std::size_t kMaxNoteBytes = 256;

// Not Requires=: systemd stops and restarts what requires a unit along with it, and a sensor that is started anew must
// not end the jobs of a runner. So nothing hangs on the sensor after the start; a hook waits for it by itself.
constexpr const char* kText =
    R"([Unit]
Wants=weir-sensor.service
After=weir-sensor.service

[Service]
# No job is taken before the sensor is armed, however long that takes. `+`: as root, who may ask everywhere.
ExecStartPre=+/bin/sh -c 'until systemctl --quiet is-active weir-sensor.service; do sleep 1; done'
TimeoutStartSec=infinity
# Bounded together with the jobs; the sensor puts those into weir-jobs.service, which is delegated to it.
Slice=weir-jobs.slice
# The hooks, also for when a job has taken them out of .env.
)";

std::string Heading(const fs::path& runner) {
  return "# Made by `weir runner install` for " + runner.string() + "; `weir runner remove` takes it away.\n";
}

/// In a unit file `%` begins a specifier.
std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
    if (c == '%') out += '%';
  }
  return out + '"';
}

bool IsServiceName(std::string_view name) {
  constexpr std::string_view kEnd = ".service";
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr(":-_.\\@", c) != nullptr; };
  return name.size() > kEnd.size() && name.size() < 256 && name.ends_with(kEnd) && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), fits);
}

fs::path Canonical(const std::string& path) {
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(path, error);
  // A slash at its end would be an empty last part.
  return canonical.has_filename() ? canonical : canonical.parent_path();
}

/// `Key=value` of a unit file is of this runner when the value, without the marks before it (systemd.exec(5)), is the
/// directory itself, or a program in it.
bool LeadsTo(const fs::path& runner, std::string_view line) {
  const auto value_of = [&line](std::string_view key) {
    if (!line.starts_with(key)) return std::string();
    const std::string_view value = line.substr(key.size());
    const std::size_t begin = value.find_first_not_of("@-:+!");
    return begin == value.npos ? std::string() : std::string(value.substr(begin));
  };
  if (const std::string directory = value_of("WorkingDirectory="); !directory.empty())
    return Canonical(directory) == runner;
  const std::string command = value_of("ExecStart=");
  return command.starts_with('/') && Canonical(command.substr(0, command.find(' '))).parent_path() == runner;
}

std::vector<fs::path> FilesIn(const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
    files.push_back(entry->path());
  std::sort(files.begin(), files.end());
  return files;
}

bool Runs(const fs::path& unit, const fs::path& runner) {
  const auto text = ReadWholeFile(unit, kMaxUnitBytes);
  if (!text) return false;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);)
    if (LeadsTo(runner, line)) return true;
  return false;
}

}  // namespace

std::vector<std::string> UnitsOf(const fs::path& runner, const UnitPlaces& places) {
  std::vector<std::string> names;
  for (const fs::path& directory : places.units) {
    for (const fs::path& file : FilesIn(directory)) {
      const std::string name = file.filename();
      if (IsServiceName(name) && std::find(names.begin(), names.end(), name) == names.end() && Runs(file, runner))
        names.push_back(name);
    }
  }
  return names;
}

std::string NotedUnit(const fs::path& runner) {
  const Fd file(::open((runner / ".service").c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  std::string note(kMaxNoteBytes, '\0');
  const ssize_t got = ::read(file.get(), note.data(), note.size());
  note.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return note.substr(0, note.find('\n'));
}

bool HasUnit(const std::string& name, const UnitPlaces& places) {
  if (!IsServiceName(name)) return false;
  const std::size_t instance = name.find('@');
  const std::string made_from = instance == std::string::npos ? name : name.substr(0, instance + 1) + ".service";
  std::error_code error;
  return std::any_of(places.units.begin(), places.units.end(), [&](const fs::path& directory) {
    return fs::exists(directory / name, error) || fs::exists(directory / made_from, error);
  });
}

Result<bool> WriteDropIn(const std::string& unit, const fs::path& runner, const Variables& variables,
                         const UnitPlaces& places) {
  const fs::path path = places.drop_ins / (unit + ".d") / kDropIn;
  std::string text = Heading(runner) + kText;
  for (const auto& [name, value] : variables) text += "Environment=" + Quoted(name + "=" + value) + "\n";
  if (const auto before = ReadWholeFile(path, kMaxUnitBytes); before && *before == text) return false;
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error) return FailErrno("make " + path.parent_path().string(), error.value());
  const auto file = OutputFile::Open(path);
  WEIR_TRY(file);
  WEIR_TRY(file->Write(text));
  fs::permissions(path, fs::perms(0644), error);
  return error ? Result<bool>(FailErrno("open " + path.string() + " for reading", error.value())) : true;
}

Result<std::vector<std::string>> RemoveDropIns(const fs::path& runner, const UnitPlaces& places) {
  std::vector<std::string> removed;
  for (const fs::path& directory : FilesIn(places.drop_ins)) {
    if (directory.extension() != ".d") continue;
    const fs::path path = directory / kDropIn;
    const auto text = ReadWholeFile(path, kMaxUnitBytes);
    if (!text || !text->starts_with(Heading(runner))) continue;
    if (::unlink(path.c_str()) != 0) return FailErrno("remove " + path.string(), errno);
    std::error_code others;
    fs::remove(directory, others);  // others may have drop-ins there
    removed.push_back(directory.stem());
  }
  return removed;
}

Result<> ReloadUnits() {
  std::error_code error;
  if (!fs::exists("/run/systemd/system", error)) return {};
  auto reload = Child::Fork({"systemctl", "daemon-reload"});
  WEIR_TRY(reload);
  WEIR_TRY(reload->Release());
  const auto status = reload->Wait();
  WEIR_TRY(status);
  if (*status != 0)
    return Fail(Code::kUnavailable, "systemctl daemon-reload failed: the drop-in holds from the next one on");
  return {};
}

}  // namespace weir::cli
