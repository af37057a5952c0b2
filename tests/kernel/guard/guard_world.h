// SPDX-License-Identifier: Apache-2.0
// A scope under guard, by either means. Where the kernel refuses fmod_ret programs, as some hosts do, there is only the
// fallback.
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fallback.skel.h"
#include "guard.skel.h"
#include "tests/kernel/egress/world.h"

namespace weir::lab {

class GuardWorld {
 public:
  enum class Mode { kAllow, kReport, kDeny };

  /// Denies every class.
  static Result<std::unique_ptr<GuardWorld>> Create();
  /// Ends who tries anything of any class.
  static Result<std::unique_ptr<GuardWorld>> CreateFallback(std::uint32_t mode);

  /// From now on every class is judged like that. Counters begin anew, findings so far are forgotten.
  Result<> Judge(Mode mode);

  /// Runs `body` in the job and returns what it returned (0–255), or -1.
  int InJob(const std::function<int()>& body) { return world_->InJob(body); }

  /// How often it happened.
  std::uint64_t Denied(std::uint32_t guard_class);
  std::uint64_t Reported(std::uint32_t guard_class);
  /// Findings of the guard read so far from the ring.
  std::vector<weir_finding_event> Findings();
  /// One is there, of the job's process; fails the test otherwise.
  void ExpectFinding(std::uint32_t guard_class, std::uint64_t value, std::uint8_t verdict);

  Result<> Protect(pid_t pid, std::uint32_t who);
  Result<> Guard(const std::string& path, std::uint32_t guard_class, std::uint32_t flags);
  Result<> Unguard(const std::string& path);
  Result<> SetHost(const weir_host& host);

  World& world() { return *world_; }
  /// Descriptor of one of the guard's programs.
  [[nodiscard]] int AProgram() const { return bpf_program__fd(bpf_object__next_program(object_, nullptr)); }
  /// Of the guard.
  bpf_map* map(const char* name) const { return bpf_object__find_map_by_name(object_, name); }

 private:
  explicit GuardWorld(std::unique_ptr<World> world) : world_(std::move(world)) {}
  Result<> Attach(bpf_object* object);
  std::unique_ptr<World> world_;
  std::optional<Skeleton<weir_guard>> guard_;
  std::optional<Skeleton<weir_fallback>> fallback_;
  bpf_object* object_ = nullptr;  ///< of whichever there is
  std::vector<Link> links_;
};

/// Return value of a system call as these tests want it.
inline int ErrnoOf(long result) { return result < 0 ? errno : 0; }

/// A program that says yes, by the bare system call; empty: errno says why not.
Fd LoadProgram(bpf_prog_type type);
/// Loads one that lets a cgroup's tasks open every device, puts it there, asks for it and takes it away; errno or 0.
int RuleDevices(const std::string& cgroup);

/// Opens and closes; errno or 0.
int TryOpen(const std::string& path, int flags);

}  // namespace weir::lab
