// SPDX-License-Identifier: Apache-2.0
// A scope with real programs around it: both skeletons loaded and attached to a cgroup of the test's own, one job below
// it.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "egress.skel.h"
#include "process.skel.h"
#include "sensor/base/result.h"
#include "tests/kernel/lab/cgroup.h"
#include "tests/kernel/lab/child.h"
#include "tests/kernel/lab/network.h"
#include "tests/kernel/lab/pin_dir.h"
#include "tests/kernel/lab/rings.h"
#include "tests/kernel/lab/skeleton.h"

namespace weir::lab {

using Address = std::array<std::uint8_t, 16>;

/// 16 bytes as the ABI writes them, from text of either family.
Address ParseAddress(const std::string& text);

class World {
 public:
  static constexpr std::uint32_t kScope = 7;

  /// `prepare` may change map sizes; it is called for both skeletons, because shared maps must be alike. Without it the
  /// programs are those of the world before, if there was one: only their maps are made empty, since the verifier takes
  /// seconds on an emulated CPU.
  static Result<std::unique_ptr<World>> Create(std::uint32_t mode, std::uint32_t flags = 0, std::uint32_t kinds = 0,
                                               const std::function<void(bpf_object*)>& prepare = {});

  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() = default;

  /// A second job with its own scope.
  Result<TempCgroup> AddJob(std::uint32_t scope_id, std::uint32_t mode, std::uint32_t flags = 0);

  /// An address rule; port 0: any, proto 0: any.
  Result<> Rule(std::uint8_t table, const std::string& address, std::uint16_t port, std::uint8_t proto,
                std::uint32_t rule_id = 1, std::uint64_t proc_mask = WEIR_PROC_ANY, std::uint32_t scope_id = kScope);
  Result<> Cidr(std::uint8_t table, const std::string& address, unsigned bits, std::uint16_t port, std::uint8_t proto,
                std::uint32_t rule_id = 1, std::uint64_t proc_mask = WEIR_PROC_ANY);
  Result<> Resolver(const std::string& address, std::uint32_t scope_id = kScope);
  Result<> TrustNamespace(std::uint64_t cookie);
  Result<> PutScope(std::uint32_t scope_id, const weir_scope& scope);

  /// Runs `body` in the job and returns what it returned (0–255), or -1.
  int InJob(const std::function<int()>& body);
  int InCgroup(const TempCgroup& cgroup, const std::function<int()>& body);

  /// Sum over CPUs.
  std::uint64_t Counter(std::uint32_t counter, std::uint32_t scope_id = kScope);
  std::uint64_t Verdicts(std::uint32_t hook, std::uint32_t verdict, std::uint32_t scope_id = kScope) {
    return Counter(WEIR_C_VERDICT + hook * 4 + verdict, scope_id);
  }
  /// Flow events read so far from the rings.
  std::vector<weir_flow_event> FlowEvents();
  std::vector<std::pair<weir_flow_key, weir_flow>> Flows();

  weir_egress& egress() { return *programs_->egress; }
  const TempCgroup& job() const { return job_; }
  const TempCgroup& root() const { return root_; }
  const PinDir& pins() const { return programs_->pins; }
  Rings& rings() { return *programs_->rings; }

 private:
  struct Programs {
    PinDir pins;
    Skeleton<weir_process> process;
    Skeleton<weir_egress> egress;
    std::unique_ptr<Rings> rings;
    bool ordinary = false;  ///< nothing about them was changed: another world may have them afterwards
  };
  /// Detaches, and keeps ordinary ones for the next world.
  struct GiveBack {
    void operator()(Programs* programs) const;
  };
  using OwnedPrograms = std::unique_ptr<Programs, GiveBack>;
  static Result<OwnedPrograms> Load(const std::function<void(bpf_object*)>& prepare);
  static Result<OwnedPrograms> TakeSpare();
  static std::unique_ptr<Programs> spare;

  World(OwnedPrograms programs, TempCgroup root, TempCgroup jobs, TempCgroup job)
      : programs_(std::move(programs)), root_(std::move(root)), jobs_(std::move(jobs)), job_(std::move(job)) {}
  Result<> Register(std::uint32_t scope_id, std::uint64_t cgroup_id, const weir_scope& scope);

  OwnedPrograms programs_;
  TempCgroup root_;
  TempCgroup jobs_;  ///< all jobs lie in one place, as the sensor makes them
  TempCgroup job_;
  std::vector<Link> links_;  // last: detached first
};

/// socket + connect; errno of the first that failed, else 0.
int TryConnect(int type, const std::string& address, std::uint16_t port);
/// sendto on an unconnected datagram socket of the address's family (or `family`); errno or 0.
int TrySendTo(const std::string& address, std::uint16_t port, int family = 0, std::uint16_t name_family = 0);

}  // namespace weir::lab
