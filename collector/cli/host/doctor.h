// SPDX-License-Identifier: Apache-2.0
// Whether this host can run Weir: one finding a requirement, each with its remedy.
#pragma once

#include <string>
#include <vector>

namespace weir::cli {

enum class Health {
  kOk,
  kWarn,  ///< Weir runs, but sees or guards less
  kFail,  ///< no job can be watched
};

struct Check {
  std::string id;  ///< stable, e.g. "btf"; for JSON
  Health health = Health::kOk;
  std::string finding;  ///< what is so on this host
  std::string remedy;   ///< what to do; empty when there is nothing to
};

struct DoctorConfig {
  std::string cgroup_root;  ///< empty: the cgroup2 mount
  std::string sensor_socket;
  std::string collector_socket;
  std::string state_dir;
};

/// Looks at the running host. Changes nothing, but makes and drops one BPF map.
[[nodiscard]] std::vector<Check> ExamineHost(const DoctorConfig& config);

/// "ok", "warn" or "fail".
[[nodiscard]] std::string HealthName(Health health);

// The parts that judge text, for tests.
[[nodiscard]] Check CheckKernel(const std::string& release);
[[nodiscard]] Check CheckCapabilities(const std::string& proc_status);
[[nodiscard]] Check CheckCgroup(const std::string& mountinfo, const std::string& cgroup_root);
[[nodiscard]] Check CheckBpffs(const std::string& mountinfo);
[[nodiscard]] Check CheckLsm(const std::string& lsm_list);
[[nodiscard]] Check CheckFtrace(const std::string& ftrace_enabled);
[[nodiscard]] Check CheckLockdown(const std::string& lockdown);
[[nodiscard]] Check CheckMemlock(const std::string& release, unsigned long long limit_bytes, bool unlimited);
[[nodiscard]] Check CheckResolvers(const std::vector<std::string>& servers);

}  // namespace weir::cli
