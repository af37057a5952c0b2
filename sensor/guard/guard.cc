// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/guard.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "sensor/guard/probe.h"

namespace weir::guard {
namespace {

Result<weir_host> HostRow(const std::filesystem::path& pin_directory) {
  weir_host host{};
  auto pins = IdentityOf(pin_directory);
  WEIR_TRY(pins);
  host.pins_dev = pins->dev;
  struct stat netns {};
  if (::stat("/proc/self/ns/net", &netns) != 0) return FailErrno("cannot look at the network namespace", errno);
  host.netns_inode = static_cast<std::uint32_t>(netns.st_ino);
  return host;
}

}  // namespace

Result<Guard> Guard::Create(sensor_bpf::Programs& programs, const sensor_bpf::PolicyMaps& maps,
                            const GuardOptions& options) {
  auto tables = GuardTables::Of(programs);
  WEIR_TRY(tables);
  Guard guard(std::move(*tables));
  auto host = HostRow(options.pin_directory);
  WEIR_TRY(host);
  WEIR_TRY(guard.tables_.WriteHost(*host));
  WEIR_TRY(guard.tables_.Protect(::getpid(), WEIR_P_SENSOR));
  if (auto state = IdentityOf(options.state_directory)) {
    WEIR_TRY(guard.tables_.Guard(*state, {WEIR_G_SENSOR_FILES, WEIR_GF_WRITE_ONLY | WEIR_GF_BELOW}));
  }
  const auto outcomes = RunProbe(programs, maps, guard.tables_,
                                 {options.cgroup_root, options.pin_directory, options.state_directory / "guard-probe"});
  guard.states_ = Judge(outcomes ? *outcomes : Outcomes{}, programs.missing_guards(),
                        outcomes ? std::string() : outcomes.error().what);
  return guard;
}

Result<> Guard::Begin(std::uint32_t scope_id, const policy::CompiledPolicy& policy) const {
  return tables_.WriteScope(scope_id, policy::GuardMasksOf(policy));
}

}  // namespace weir::guard
