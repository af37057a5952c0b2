// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/probe.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "sensor/base/fd.h"
#include "sensor/guard/attempts.h"
#include "sensor/jobs/cgroup.h"
#include "sensor/jobs/probe_child.h"

namespace weir::guard {
namespace {

namespace fs = std::filesystem;
using jobs::ProbeChild;

constexpr int kPatience_ms = 5000;
constexpr std::uint32_t kAllClasses = (1u << WEIR_GUARD_CLASSES) - 1;

struct Word {
  std::uint32_t guard_class = 0;
  std::int32_t sys_errno = 0;
  std::uint32_t killed = 0;
};

/// In a process of its own: the fallback ends who tries. Of a threaded program's child: system calls only.
Word Try(const Attempt& attempt, const AttemptWorld& world) {
  Word word{attempt.guard_class, 0, 0};
  const pid_t pid = ::_Fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(attempt.run(world));  // every errno fits
  }
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) {
    word.sys_errno = errno;
  } else if (WIFSIGNALED(status)) {
    word.killed = WTERMSIG(status) == SIGKILL;
    word.sys_errno = EINTR;
  } else {
    word.sys_errno = WEXITSTATUS(status);
  }
  return word;
}

/// What the attempts are made on: files, a socket, a process in the runner's place. Its destructor takes all of it
/// back.
class Scratch {
 public:
  static Result<std::unique_ptr<Scratch>> Make(const GuardTables& tables, const ProbeOrder& order) {
    std::unique_ptr<Scratch> made(new Scratch(tables, order));
    WEIR_TRY(made->Fill());
    return made;
  }
  ~Scratch() {
    for (const weir_guarded_key& file : guarded_) static_cast<void>(tables_.Unguard(file));
    if (runner_) static_cast<void>(tables_.Unprotect(runner_->pid()));
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] AttemptWorld World() const {
    AttemptWorld world;
    world.sensor = ::getpid();
    world.runner = runner_->pid();
    world.runner_file = runner_file_.c_str();
    world.sensor_file = sensor_file_.c_str();
    world.deputy = deputy_.c_str();
    world.cgroup_procs = cgroup_procs_.c_str();
    world.pin_directory = pin_directory_.c_str();
    world.pinned_map = pinned_map_.c_str();
    return world;
  }

 private:
  Scratch(const GuardTables& tables, const ProbeOrder& order)
      : tables_(tables),
        directory_(order.scratch),
        runner_file_(directory_ / "runner"),
        sensor_file_(directory_ / "sensor"),
        deputy_(directory_ / "deputy"),
        cgroup_procs_(order.cgroup_root / "cgroup.procs"),
        pin_directory_(order.pin_directory),
        pinned_map_(order.pin_directory / "weir_guards") {}

  Result<> Fill() {
    std::error_code error;
    fs::remove_all(directory_, error);
    fs::create_directories(directory_, error);
    if (error) return FailErrno("cannot make " + directory_.string(), error.value());
    for (const std::string& file : {runner_file_, sensor_file_}) {
      if (!std::ofstream(file)) return FailErrno("cannot make " + file, errno);
    }
    WEIR_TRY(Listen());
    auto runner = ProbeChild::Fork([](int channel) { static_cast<void>(jobs::AwaitGo(channel)); });
    WEIR_TRY(runner);
    runner_.emplace(std::move(*runner));
    WEIR_TRY(tables_.Protect(runner_->pid(), WEIR_P_RUNNER));
    WEIR_TRY(GuardFile(runner_file_, {WEIR_G_RUNNER_FILES, 0}));
    WEIR_TRY(GuardFile(sensor_file_, {WEIR_G_SENSOR_FILES, WEIR_GF_WRITE_ONLY}));
    return GuardFile(deputy_, {WEIR_G_SOCKETS, 0});
  }

  Result<> Listen() {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    if (deputy_.size() >= sizeof(at.sun_path)) return Fail(Code::kInvalid, deputy_ + " is too long for a socket");
    std::strncpy(at.sun_path, deputy_.c_str(), sizeof(at.sun_path) - 1);
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!listener_ || ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0 ||
        ::listen(listener_.get(), 1) != 0)
      return FailErrno("cannot listen at " + deputy_, errno);
    return {};
  }

  Result<> GuardFile(const std::string& path, const weir_guarded& how) {
    auto identity = IdentityOf(path);
    WEIR_TRY(identity);
    guarded_.push_back(*identity);
    return tables_.Guard(*identity, how);
  }

  const GuardTables& tables_;
  fs::path directory_;
  std::string runner_file_, sensor_file_, deputy_, cgroup_procs_, pin_directory_, pinned_map_;
  std::vector<weir_guarded_key> guarded_;
  Fd listener_;
  std::optional<ProbeChild> runner_;
};

/// A scope with a cgroup and nothing else, taken away again.
class ProbeScope {
 public:
  static Result<std::unique_ptr<ProbeScope>> Make(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                                                  const GuardTables& tables, const fs::path& jobs_root) {
    auto id = programs.NextScopeId();
    WEIR_TRY(id);
    auto cgroup = jobs::JobCgroup::Create(jobs_root, "guard-probe-" + std::to_string(::getpid()));
    WEIR_TRY(cgroup);
    std::unique_ptr<ProbeScope> made(new ProbeScope(maps, *id, std::move(*cgroup)));
    WEIR_TRY(tables.WriteScope(*id, {kAllClasses, 0, kAllClasses}));
    WEIR_TRY(maps.PrepareScope(*id));
    weir_scope scope{};
    scope.cgroup_id = made->cgroup_.id();
    scope.generation = 1;
    scope.mode = WEIR_MODE_BLOCK;
    WEIR_TRY(maps.WriteScope(*id, scope));
    WEIR_TRY(maps.WriteCgroup(made->cgroup_.id(), *id));
    return made;
  }
  ~ProbeScope() {
    static_cast<void>(cgroup_.WaitEmpty(std::chrono::milliseconds(kPatience_ms)));
    static_cast<void>(maps_.RemoveCgroup(cgroup_.id()));
    static_cast<void>(maps_.CloseScope(id_));
    static_cast<void>(maps_.SweepScopes(std::array{id_}));
    static_cast<void>(cgroup_.Remove());
  }
  ProbeScope(const ProbeScope&) = delete;
  ProbeScope& operator=(const ProbeScope&) = delete;

  [[nodiscard]] std::uint32_t id() const { return id_; }

  /// As a canary: judged, and no record of it.
  Result<> Enter(pid_t pid) const {
    auto entered = jobs::EnterAsCanary(maps_, cgroup_, pid, id_);
    WEIR_TRY(entered);
    if (!*entered) return Fail(Code::kNotArmed, "the guard's probe does not enter its scope");
    return {};
  }

 private:
  ProbeScope(const sensor_bpf::PolicyMaps& maps, std::uint32_t id, jobs::JobCgroup cgroup)
      : maps_(maps), id_(id), cgroup_(std::move(cgroup)) {}
  const sensor_bpf::PolicyMaps& maps_;
  std::uint32_t id_;
  jobs::JobCgroup cgroup_;
};

/// Reads what the child says, until it ends.
Result<Outcomes> Listen(const ProbeChild& child) {
  Outcomes outcomes;
  while (true) {
    pollfd waiting{child.channel(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, kPatience_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return Fail(Code::kUnavailable, "the guard's probe did not come to its end");
    Word word;
    const ssize_t got = ::recv(child.channel(), &word, sizeof(word), 0);
    if (got == 0) return outcomes;
    if (got != sizeof(word) || word.guard_class >= outcomes.size())
      return Fail(Code::kInternal, "the guard's probe said something else than outcomes");
    outcomes[word.guard_class].tried = true;
    outcomes[word.guard_class].sys_errno = word.sys_errno;
    outcomes[word.guard_class].killed = word.killed != 0;
  }
}

}  // namespace

Result<Outcomes> RunProbe(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps, const GuardTables& tables,
                          const ProbeOrder& order) {
  auto scratch = Scratch::Make(tables, order);
  WEIR_TRY(scratch);
  auto scope = ProbeScope::Make(programs, maps, tables, order.jobs_root);
  WEIR_TRY(scope);
  const AttemptWorld world = (*scratch)->World();
  auto child = ProbeChild::Fork([&world](int channel) {
    if (!jobs::AwaitGo(channel)) return;
    for (const Attempt& attempt : Attempts()) {
      const Word word = Try(attempt, world);
      (void)!::write(channel, &word, sizeof(word));
    }
  });
  WEIR_TRY(child);
  WEIR_TRY((*scope)->Enter(child->pid()));
  child->Go();
  auto outcomes = Listen(*child);
  WEIR_TRY(outcomes);
  auto counts = tables.ReadScope((*scope)->id());
  WEIR_TRY(counts);
  for (std::size_t i = 0; *counts && i < outcomes->size(); ++i) (*outcomes)[i].denied = (*counts)->denied[i];
  return outcomes;
}

}  // namespace weir::guard
