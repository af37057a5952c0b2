// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/config.h"

#include <unistd.h>

#include <cstdlib>

#include "bpf/abi.h"
#include "sensor/app/host.h"
#include "sensor/jobs/host_cgroups.h"
#include "sensor/jobs/mountinfo.h"

namespace weir {
namespace {

void CheckRing(const char* name, std::uint32_t bytes, std::string& faults) {
  const auto page = static_cast<std::uint32_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0 || (bytes >= page && (bytes & (bytes - 1)) == 0)) return;
  faults += std::string(name) + ": " + std::to_string(bytes) + " is not a power of two of at least " +
            std::to_string(page) + " bytes\n";
}

}  // namespace

Result<> Validate(const SensorConfig& config) {
  std::string faults;
  CheckRing("events ring", config.events_ring_bytes, faults);
  CheckRing("denials ring", config.denials_ring_bytes, faults);
  if (!config.cgroup_root.empty() && !config.cgroup_root.is_absolute())
    faults += "cgroup root: " + config.cgroup_root.string() + " is not an absolute path\n";
  const std::filesystem::path jobs = config.jobs_cgroup.lexically_normal();
  if (jobs.is_absolute() || (!jobs.empty() && *jobs.begin() == ".."))
    faults += "jobs cgroup: " + config.jobs_cgroup.string() + " is not a path below the cgroup root\n";
  if (!config.pin_directory.is_absolute())
    faults += "pin directory: " + config.pin_directory.string() + " is not an absolute path\n";
  if (!config.state_directory.is_absolute())
    faults += "state directory: " + config.state_directory.string() + " is not an absolute path\n";
  if (!config.runners_directory.is_absolute())
    faults += "runners directory: " + config.runners_directory.string() + " is not an absolute path\n";
  if (config.sensor_name.size() > 253) faults += "sensor name: longer than 253 bytes\n";
  for (const char c : config.sensor_name) {
    if (IsSensorNameByte(c)) continue;
    faults += "sensor name: only letters, digits and ._:@- (what a collector accepts)\n";
    break;
  }
  const auto stale = std::chrono::nanoseconds(WEIR_FORWARDER_STALE_NS);
  if (config.heartbeat <= std::chrono::milliseconds(0) || config.heartbeat >= stale)
    faults += "heartbeat: must be above 0 and below 5 s, or the programs take the DNS forwarder for dead\n";
  if (config.flow_totals <= std::chrono::milliseconds(0)) faults += "flow totals interval: must be above 0\n";
  if (config.guard_rest < std::chrono::milliseconds(0)) faults += "guard rest: must not be below 0\n";
  if (config.max_jobs == 0 || config.max_jobs > WEIR_MAX_SCOPES)
    faults += "max jobs: 1 to " + std::to_string(WEIR_MAX_SCOPES) + "\n";
  for (const std::string& pattern : config.host_exempt)
    if (const std::string fault = jobs::FaultOfPattern(pattern); !fault.empty())
      faults += "host exempt: `" + pattern + "`: " + fault + "\n";
  faults += runner::FaultsOfEndpoints("runner endpoints: ", config.runner_endpoints);
  if (faults.empty()) return {};
  faults.pop_back();
  return Fail(Code::kInvalid, std::move(faults));
}

Result<SensorConfig> Resolve(SensorConfig config) {
  if (config.cgroup_root.empty()) {
    if (const char* root = std::getenv("WEIR_CGROUP_ROOT"); root && *root) {
      config.cgroup_root = root;
    } else {
      auto mount = jobs::FindCgroup2();
      WEIR_TRY(mount);
      config.cgroup_root = *mount;
    }
  }
  if (config.sensor_name.empty()) config.sensor_name = HostName();
  return config;
}

}  // namespace weir
