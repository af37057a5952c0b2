// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <process.skel.h>
#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/child.h"
#include "tests/kernel/lab/pin_dir.h"
#include "tests/kernel/lab/rings.h"
#include "tests/kernel/lab/skeleton.h"

namespace weir::lab {

/// A decoded exec record.
struct Exec {
  weir_exec_event fixed{};
  std::string args;  ///< NUL-separated
  std::string path;
  std::string cwd;
  std::string step;  ///< variables that name a step, each ended by a NUL
};

/// All records taken so far, by kind and in the order of the rings.
struct Seen {
  std::vector<Exec> execs;
  std::vector<weir_fork_event> forks;
  std::vector<weir_exit_event> exits;
  std::vector<weir_finding_event> findings;

  [[nodiscard]] std::size_t size() const { return execs.size() + forks.size() + exits.size() + findings.size(); }
  /// Of a process; the root's WEIR_X_ENTERED record included.
  [[nodiscard]] std::vector<Exec> ExecsOf(pid_t pid) const;
  [[nodiscard]] std::optional<weir_exit_event> ExitOf(pid_t pid) const;
};

/// The process programs, attached; one scope with one cgroup.
class ProcessTest : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kScope = 7;

  void SetUp() override { Start({}); }
  void TearDown() override;

  /// Loads and attaches; `prepare` may change the size of maps. Without it, programs are loaded once, and their maps
  /// made empty for each test: the verifier takes half a second of an emulated CPU.
  void Start(const std::function<void(weir_process&)>& prepare);
  /// Writes the scope's row with these WEIR_S_* flags.
  void SetScope(std::uint32_t flags);

  /// Runs `body` in a child within the scope's cgroup and returns its pid and wait(2) status.
  struct Ended {
    pid_t pid = 0;
    int status = 0;
  };
  Ended Run(std::function<int()> body);
  /// Runs the actor with these arguments, argv[0] being "actor".
  Ended RunActor(const std::vector<std::string>& args);

  /// Takes what is in the rings and adds it to `seen`.
  const Seen& Take();
  /// Takes until `enough` says so, at most five seconds.
  bool TakeUntil(const std::function<bool(const Seen&)>& enough);

  bool WaitForWake(std::chrono::milliseconds limit) { return rings_->WaitForWake(limit); }

  [[nodiscard]] std::uint64_t Counter(std::uint32_t counter) const;
  [[nodiscard]] std::optional<weir_task> Task(pid_t pid) const;
  [[nodiscard]] std::uint64_t UsageTasks() const;

  [[nodiscard]] weir_process& skeleton() const { return *programs_->skeleton; }
  const TempCgroup& cgroup() const { return *cgroup_; }

  Seen seen;

 private:
  void Decode(const Record& record);

  struct Programs {
    PinDir pins;
    Skeleton<weir_process> skeleton;
  };
  static Result<std::shared_ptr<Programs>> Load(const std::function<void(weir_process&)>& prepare);

  static inline std::shared_ptr<Programs> ordinary_;  ///< as they are without `prepare`
  std::shared_ptr<Programs> programs_;
  std::optional<TempCgroup> cgroup_;
  std::unique_ptr<Rings> rings_;
};

/// Path of the actor, without symbolic links.
const std::string& ActorPath();
/// WEIR_X_TMPFS when the actor (and this test) lies on a file system in memory, as everything does in a VM; else 0.
std::uint32_t HomeFlags();
/// For a child: execs the actor by path; 126 when that fails.
int ExecActor(const std::vector<std::string>& args, const std::string& path = ActorPath());
/// For a child: execs what the descriptor refers to, as execveat(AT_EMPTY_PATH) does.
int ExecFd(int fd, const std::vector<std::string>& args);

}  // namespace weir::lab
