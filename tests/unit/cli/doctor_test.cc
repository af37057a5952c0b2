// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/doctor.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

constexpr const char* kHybrid =
    "25 1 0:22 / /sys/fs/cgroup rw shared:9 - tmpfs tmpfs ro,mode=755\n"
    "26 25 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:10 - cgroup2 cgroup2 rw\n"
    "27 1 0:24 / /sys/fs/bpf rw - bpf bpf rw,mode=700\n";

struct Case {
  const char* name;
  Check check;
  Health health;
  const char* finding;  // part of it
};

TEST(Doctor, JudgesWhatTheHostSays) {
  const std::string all = "CapEff:\t000001ffffffffff\n";
  const Case cases[] = {
      {"old kernel", CheckKernel("5.9.1"), Health::kFail, "older than 5.10"},
      {"kernel", CheckKernel("5.10.0-28-amd64"), Health::kOk, "5.10"},
      {"strange kernel", CheckKernel("next"), Health::kFail, "next"},
      {"all capabilities", CheckCapabilities(all), Health::kOk, "all"},
      {"no capabilities", CheckCapabilities("CapEff:\t0000000000000000\n"), Health::kFail, "CAP_BPF"},
      {"admin stands for bpf", CheckCapabilities("CapEff:\t0000000000281000\n"), Health::kOk, "all"},
      {"no net admin", CheckCapabilities("CapEff:\t000000c000280000\n"), Health::kFail, "CAP_NET_ADMIN"},
      {"unknown capabilities", CheckCapabilities(""), Health::kWarn, "does not tell"},
      {"hybrid cgroup", CheckCgroup(kHybrid, ""), Health::kOk, "/sys/fs/cgroup/unified"},
      {"given cgroup", CheckCgroup(kHybrid, "/sys/fs/cgroup/unified/x"), Health::kOk, "given"},
      {"cgroup elsewhere", CheckCgroup(kHybrid, "/sys/fs/cgroup/unifiedx"), Health::kFail, "in no cgroup2"},
      {"no cgroup2", CheckCgroup("", ""), Health::kFail, "no cgroup2"},
      {"bpffs", CheckBpffs(kHybrid), Health::kOk, "/sys/fs/bpf"},
      {"no bpffs", CheckBpffs(""), Health::kFail, "no BPF file system"},
      {"lsm live", CheckLsm("lockdown,bpf"), Health::kOk, "BPF LSM is live"},
      {"lsm not live", CheckLsm("lockdown,apparmor"), Health::kOk, "not live"},
      {"lsm unknown", CheckLsm(""), Health::kWarn, "cannot be read"},
      {"ftrace", CheckFtrace("1\n"), Health::kOk, "= 1"},
      {"ftrace off", CheckFtrace("0\n"), Health::kWarn, "= 0"},
      {"no ftrace", CheckFtrace(""), Health::kWarn, "no ftrace"},
      {"lockdown", CheckLockdown("none integrity [confidentiality]"), Health::kFail, "confidentiality"},
      {"integrity", CheckLockdown("none [integrity] confidentiality"), Health::kOk, "integrity"},
      {"no lockdown", CheckLockdown(""), Health::kOk, "none"},
      {"memlock new", CheckMemlock("6.1.0", 65536, false), Health::kOk, "not used"},
      {"memlock old", CheckMemlock("5.10.0", 65536, false), Health::kWarn, "65536"},
      {"memlock unlimited", CheckMemlock("5.10.0", 0, true), Health::kOk, "unlimited"},
      {"stub", CheckResolvers({"127.0.0.53"}), Health::kOk, "stub"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(c.check.health, c.health) << c.name << ": " << c.check.finding;
    EXPECT_NE(c.check.finding.find(c.finding), std::string::npos) << c.name << ": " << c.check.finding;
    if (c.health == Health::kFail) {
      EXPECT_NE(c.check.remedy, "") << c.name;
    }
  }
}

TEST(Doctor, ExaminesThisHostWithoutAFault) {
  const auto checks = ExamineHost({.cgroup_root = "",
                                   .sensor_socket = "/nonexistent/sensor.sock",
                                   .collector_socket = "/nonexistent/collector.sock",
                                   .state_dir = "/nonexistent/state"});
  ASSERT_EQ(checks.size(), 15U);
  EXPECT_EQ(checks.front().id, "kernel");
  for (const auto& check : checks) EXPECT_FALSE(check.finding.empty()) << check.id;
}

}  // namespace
}  // namespace weir::cli
