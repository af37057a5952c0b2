// SPDX-License-Identifier: Apache-2.0
// How a sensor is set up. Defaults are in place; Validate names every fault at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sensor/base/result.h"
#include "sensor/runner/endpoints.h"

namespace weir {

struct SensorConfig {
  /// Where the programs attach. Empty: $WEIR_CGROUP_ROOT, else the root of the cgroup2 mount that /proc/self/mountinfo
  /// names.
  std::filesystem::path cgroup_root;

  /// Relative to cgroup_root: where `weir/<job-id>` is made. Under systemd that of a unit with Delegate=yes, since all
  /// else in the tree is systemd's own. Empty: the root.
  std::filesystem::path jobs_cgroup;

  /// In a BPF file system (mounted at /sys/fs/bpf when it is not). One sensor at a time owns it (kExists otherwise);
  /// two sensors with different pin and state directories may run side by side.
  std::filesystem::path pin_directory = "/sys/fs/bpf/weir";

  /// Jobs and their records, for the sensor that comes after this one. Made (0700) when it does not exist.
  std::filesystem::path state_directory = "/var/lib/weir/sensor";

  /// Name in the collector; 1–253 printable bytes. Empty: the host's name.
  std::string sensor_name;

  /// Ring sizes, powers of two and of at least one page; 0: as built (8 MiB and 2 MiB).
  std::uint32_t events_ring_bytes = 0;
  std::uint32_t denials_ring_bytes = 0;

  /// Where `resolvers: [system]` is read from when BeginJob brings no resolvers. Tests point it elsewhere.
  std::filesystem::path resolv_conf = "/etc/resolv.conf";

  std::chrono::milliseconds heartbeat{1000};       ///< of DNS forwarders; must stay below 5 s
  std::chrono::milliseconds flow_totals{5000};     ///< how often sums of flows are sent
  std::chrono::milliseconds leftovers_wait{2000};  ///< how long EndJob waits for the job's cgroup to become empty
  std::chrono::milliseconds durable_wait{5000};    ///< how long EndJob waits for the collector's word

  /// How long no job may live before the guard's programs in the kernel's busiest places rest. Attaching them again
  /// delays the next job by some 30 ms.
  std::chrono::milliseconds guard_rest{60000};

  std::size_t max_jobs = 64;

  /// Cgroups that stay outside of a job that has the whole host (jobs::FindCgroups): the agents of whoever provides the
  /// machine, what keeps its network up, and Weir itself.
  std::vector<std::string> host_exempt = {"weir.slice",
                                          "systemd-networkd.service",
                                          "NetworkManager.service",
                                          "networking.service",
                                          "ifup@*.service",
                                          "dhcpcd.service",
                                          "walinuxagent.service",
                                          "google-guest-agent.service",
                                          "amazon-ssm-agent.service"};

  /// What a runner itself needs, in a job that has the whole host: bound to the executables of its processes.
  std::vector<std::string> runner_endpoints = runner::DefaultEndpoints();

  /// Runners whose hooks may begin jobs (docs/runner.md); read at each such call.
  std::filesystem::path runners_directory = "/etc/weir/runners";

  [[nodiscard]] std::filesystem::path jobs_root() const { return cgroup_root / jobs_cgroup; }
};

/// Checks everything that can be checked without touching the kernel. Every fault is named, one line each.
[[nodiscard]] Result<> Validate(const SensorConfig& config);

/// Fills empty fields (cgroup_root, sensor_name) from the environment and the host.
[[nodiscard]] Result<SensorConfig> Resolve(SensorConfig config);

}  // namespace weir
