// SPDX-License-Identifier: Apache-2.0
// The guard on real kernels: what root in a job does to change the kernel is refused, and recorded with its process.
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tests/kernel/guard/guard_case.h"

namespace weir::lab {
namespace {

using Guard = GuardCase;

TEST_F(Guard, RefusesBpf) {
  Holds(WEIR_G_BPF, BPF_MAP_CREATE, [] {
    bpf_attr attr{};
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = 1;
    return ErrnoOf(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
  });
}

// What container engines do: rules for devices are a program of the container's cgroup.
TEST_F(Guard, LetsAJobRuleTheDevicesOfItsContainers) {
  const std::string own = world().world().job().path(), others = world().world().root().path();
  Passes([&] { return RuleDevices(own); });
  Refuses(WEIR_G_BPF, BPF_PROG_ATTACH, [&] { return RuleDevices(others); });
  Refuses(WEIR_G_BPF, BPF_PROG_LOAD, [] { return LoadProgram(BPF_PROG_TYPE_CGROUP_SKB) ? 0 : errno; });
}

// Not a module: what counts is that the kernel does not look at it before the guard has.
TEST_F(Guard, RefusesModulesFromAFile) {
  const auto load = [] {
    const Fd fd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    return ErrnoOf(syscall(SYS_finit_module, fd.get(), "", 0));
  };
  EXPECT_EQ(Outside(load), ENOEXEC);
  const int reading_module = 2;  // the same on 5.10, 6.1 and 6.12
  Refuses(WEIR_G_MODULES, reading_module, load);
}

TEST_F(Guard, RefusesModulesFromMemory) {
  const auto load = [] {
    const char nothing[4096] = {};
    return ErrnoOf(syscall(SYS_init_module, nothing, sizeof(nothing), ""));
  };
  EXPECT_EQ(Outside(load), ENOEXEC);
  const int loading_module = 2;
  Refuses(WEIR_G_MODULES, loading_module, load);
}

long PerfOpen(pid_t pid, int cpu) {
  perf_event_attr event{};
  event.type = PERF_TYPE_SOFTWARE;
  event.size = sizeof(event);
  event.config = PERF_COUNT_SW_CPU_CLOCK;
  event.sample_type = PERF_SAMPLE_STACK_USER;
  event.sample_stack_user = 4096;
  event.sample_period = 1'000'000;
  return syscall(SYS_perf_event_open, &event, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

TEST_F(Guard, RefusesToSampleEverybody) {
  Holds(WEIR_G_MEMORY, 0, [] { return ErrnoOf(PerfOpen(-1, 0)); });
  Passes([] { return ErrnoOf(PerfOpen(0, -1)); });
}

}  // namespace
}  // namespace weir::lab
