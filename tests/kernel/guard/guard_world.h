// SPDX-License-Identifier: Apache-2.0
// A scope under guard: all three skeletons. Where the kernel refuses fmod_ret programs, as some hosts do, there is
// none.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guard.skel.h"
#include "tests/kernel/egress/world.h"

namespace weir::lab {

class GuardWorld {
 public:
  enum class Mode { kAllow, kReport, kDeny };

  /// Denies every class.
  static Result<std::unique_ptr<GuardWorld>> Create();

  /// From now on every class is judged like that. Counters begin anew, findings so far are forgotten.
  Result<> Judge(Mode mode);

  /// Runs `body` in the job and returns what it returned (0–255), or -1.
  int InJob(const std::function<int()>& body) { return world_->InJob(body); }

  /// How often it happened.
  std::uint64_t Denied(std::uint32_t guard_class);
  std::uint64_t Reported(std::uint32_t guard_class);
  /// Findings of the guard read so far from the ring.
  std::vector<weir_finding_event> Findings();

  Result<> Protect(pid_t pid, std::uint32_t who);
  Result<> Guard(const std::string& path, std::uint32_t guard_class, std::uint32_t flags);
  Result<> Unguard(const std::string& path);
  Result<> SetHost(const weir_host& host);

  World& world() { return *world_; }
  weir_guard& guard() { return *guard_; }

 private:
  GuardWorld(std::unique_ptr<World> world, Skeleton<weir_guard> guard)
      : world_(std::move(world)), guard_(std::move(guard)) {}
  std::unique_ptr<World> world_;
  Skeleton<weir_guard> guard_;
  std::vector<Link> links_;
};

}  // namespace weir::lab
