// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/stop_refusal.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <system_error>
#include <utility>

namespace weir {

namespace fs = std::filesystem;

StopRefusal::StopRefusal(std::string unit, fs::path directory, std::string reload)
    : unit_(std::move(unit)), directory_(std::move(directory)), reload_program_(std::move(reload)) {}

StopRefusal::~StopRefusal() { static_cast<void>(EndReload(/*wait=*/true)); }

fs::path StopRefusal::drop_in() const { return directory_ / (unit_ + ".d") / "50-jobs-run.conf"; }

Result<> StopRefusal::Update(bool jobs_run) {
  if (unit_.empty()) return {};
  Result<> ended = EndReload(/*wait=*/false);
  if (!ended) stale_ = true;
  if (reloading_ != 0) return {};
  std::error_code ignored;
  if (fs::exists(drop_in(), ignored) != jobs_run) {
    WEIR_TRY(Write(jobs_run));
    stale_ = true;
  }
  if (stale_) WEIR_TRY(StartReload());
  return ended;
}

Result<> StopRefusal::Write(bool refuse) const {
  std::error_code error;
  if (!refuse) {
    fs::remove(drop_in(), error);
    if (error) return FailErrno("cannot remove " + drop_in().string(), error.value());
    fs::remove(drop_in().parent_path(), error);  // others may have drop-ins there
    return {};
  }
  fs::create_directories(drop_in().parent_path(), error);
  if (error) return FailErrno("cannot make " + drop_in().parent_path().string(), error.value());
  const fs::path fresh = drop_in().string() + ".new";
  std::ofstream file(fresh);
  file << "# Made by weir-sensor while jobs run.\n[Unit]\nRefuseManualStop=yes\n";
  file.close();
  if (file) fs::rename(fresh, drop_in(), error);
  if (!file || error) return FailErrno("cannot write " + drop_in().string(), error ? error.value() : EIO);
  return {};
}

Result<> StopRefusal::StartReload() {
  // The daemon's own signal mask is blocked signals, which the child must not inherit.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::string verb = "daemon-reload";
  char* const arguments[] = {reload_program_.data(), verb.data(), nullptr};
  const int failed = ::posix_spawnp(&reloading_, reload_program_.c_str(), nullptr, &attributes, arguments, environ);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) {
    reloading_ = 0;
    return FailErrno("cannot start " + reload_program_, failed);
  }
  stale_ = false;
  return {};
}

Result<> StopRefusal::EndReload(bool wait) {
  if (reloading_ == 0) return {};
  int status = 0;
  pid_t ended = 0;
  while ((ended = ::waitpid(reloading_, &status, wait ? 0 : WNOHANG)) < 0 && errno == EINTR) {
  }
  if (ended == 0) return {};
  reloading_ = 0;
  if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Fail(Code::kUnavailable,
              reload_program_ + " daemon-reload failed: stops of " + unit_ + " are not refused as they should be");
}

}  // namespace weir
