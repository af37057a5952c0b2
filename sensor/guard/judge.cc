// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/judge.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sensor/base/result.h"

namespace weir::guard {
namespace {

struct Work {
  std::string_view program;
  std::uint32_t classes;  ///< bits 1 << WEIR_G_*
};

constexpr std::uint32_t Bits(auto... classes) { return ((1u << classes) | ...); }

constexpr std::uint32_t kFiles = Bits(WEIR_G_RUNNER_FILES, WEIR_G_SENSOR_FILES, WEIR_G_MOUNT, WEIR_G_HELPERS);

/// Which programs a class needs.
constexpr std::array kWork = {
    Work{"weir_guard_bpf", Bits(WEIR_G_BPF)},
    Work{"weir_g_readfile", Bits(WEIR_G_MODULES)},
    Work{"weir_g_loaddata", Bits(WEIR_G_MODULES)},
    Work{"weir_g_kill", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_sigio", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_rlimit", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_sched", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_nice", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_ioprio", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_movemem", Bits(WEIR_G_SIGNAL)},
    Work{"weir_g_ptrace", Bits(WEIR_G_PTRACE, WEIR_G_RUNNER_MEMORY)},
    Work{"weir_g_traceme", Bits(WEIR_G_PTRACE)},
    Work{"weir_g_perf_1", Bits(WEIR_G_MEMORY)},
    Work{"weir_g_perf_2", Bits(WEIR_G_MEMORY)},
    Work{"weir_g_open", Bits(WEIR_G_RUNNER_FILES, WEIR_G_SENSOR_FILES, WEIR_G_CGROUP, WEIR_G_SYSCTL, WEIR_G_SYSRQ,
                             WEIR_G_MEMORY, WEIR_G_HELPERS)},
    Work{"weir_g_unlink", kFiles},
    Work{"weir_g_rmdir", kFiles},
    Work{"weir_g_rename", kFiles},
    Work{"weir_g_link", kFiles},
    Work{"weir_g_symlink", kFiles},
    Work{"weir_g_create", kFiles},
    Work{"weir_g_mkdir", kFiles},
    Work{"weir_g_mknod", kFiles},
    Work{"weir_g_truncate", kFiles},
    Work{"weir_g_chmod", kFiles},
    Work{"weir_g_cgroup", Bits(WEIR_G_CGROUP)},
    Work{"weir_g_sysctl", Bits(WEIR_G_SYSCTL)},
    Work{"weir_g_device", Bits(WEIR_G_MEMORY, WEIR_G_TUN, WEIR_G_VSOCK)},
    Work{"weir_g_umount", Bits(WEIR_G_MOUNT)},
    Work{"weir_g_mount", Bits(WEIR_G_MOUNT)},
    Work{"weir_g_movemount", Bits(WEIR_G_MOUNT)},
    Work{"weir_g_remount", Bits(WEIR_G_MOUNT)},
    Work{"weir_g_socket", Bits(WEIR_G_PACKET, WEIR_G_XDP, WEIR_G_VSOCK, WEIR_G_FAMILY)},
    Work{"weir_g_tunnew", Bits(WEIR_G_TUN)},
    Work{"weir_g_tunopen", Bits(WEIR_G_TUN)},
    Work{"weir_g_tunsk", Bits(WEIR_G_TUN)},
    Work{"weir_g_tunqueue", Bits(WEIR_G_TUN)},
    Work{"weir_g_netlink", Bits(WEIR_G_TUNNEL, WEIR_G_ROUTES, WEIR_G_NETFILTER)},
    Work{"weir_g_ioctl", Bits(WEIR_G_TUNNEL, WEIR_G_ROUTES)},
    Work{"weir_g_ioctl32", Bits(WEIR_G_TUNNEL, WEIR_G_ROUTES)},
    Work{"weir_g_sockopt", Bits(WEIR_G_NETFILTER)},
    Work{"weir_g_setns", Bits(WEIR_G_NETNS)},
    Work{"weir_g_uconnect", Bits(WEIR_G_SOCKETS)},
    Work{"weir_g_usend", Bits(WEIR_G_SOCKETS)},
    Work{"weir_g_modreq", Bits(WEIR_G_HELPERS)},
    Work{"weir_g_key", Bits(WEIR_G_HELPERS)},
};

/// Of a class: how many programs work for it, and which of them do not run here.
struct Staff {
  std::size_t programs = 0;
  std::vector<const sensor_bpf::NotLoaded*> missing;
};

Staff StaffOf(std::uint32_t number, const std::vector<sensor_bpf::NotLoaded>& missing) {
  Staff staff;
  for (const Work& work : kWork) {
    if ((work.classes & 1u << number) == 0) continue;
    ++staff.programs;
    const auto found = std::find_if(missing.begin(), missing.end(),
                                    [&](const auto& absent) { return absent.program == work.program; });
    if (found != missing.end()) staff.missing.push_back(&*found);
  }
  return staff;
}

ClassState StateOf(std::uint32_t number, const Outcome& outcome, const Staff& staff) {
  if (staff.missing.size() == staff.programs)
    return {number, State::kOff, staff.missing.empty() ? "this version has no program for it" : staff.missing[0]->why};
  std::string absent;
  if (!staff.missing.empty()) absent = staff.missing[0]->program + " does not run: " + staff.missing[0]->why;
  if (outcome.tried && outcome.denied != 0 && outcome.sys_errno == EPERM)
    return {number, absent.empty() ? State::kFull : State::kPartial, absent};
  if (!absent.empty()) absent = "; " + absent;
  if (outcome.tried && outcome.sys_errno == 0)
    return {number, State::kOff, "its programs run, and the probe was not denied" + absent};
  const std::string why = outcome.tried ? std::string("the probe proved nothing: ") + std::strerror(outcome.sys_errno)
                                        : "the probe did not come to it";
  return {number, State::kPartial, why + absent};
}

}  // namespace

bool HasWork(std::string_view program) {
  return std::any_of(kWork.begin(), kWork.end(), [program](const Work& work) { return work.program == program; });
}

std::string_view StateName(State state) {
  switch (state) {
    case State::kFull: return "full";
    case State::kPartial: return "partial";
    case State::kOff: break;
  }
  return "off";
}

std::vector<ClassState> Judge(const Outcomes& outcomes, const std::vector<sensor_bpf::NotLoaded>& missing,
                              const std::string& no_probe) {
  std::vector<ClassState> states;
  for (std::uint32_t number = 0; number < outcomes.size(); ++number) {
    const Staff staff = StaffOf(number, missing);
    if (!no_probe.empty() && staff.missing.size() < staff.programs)
      states.push_back({number, State::kPartial, "its programs run, and were not proven: " + no_probe});
    else
      states.push_back(StateOf(number, outcomes[number], staff));
  }
  return states;
}

}  // namespace weir::guard
