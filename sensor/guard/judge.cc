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

/// What the fallback does about a class, and what it does not see. "Killed": the process that tried.
struct Weaker {
  std::uint32_t guard_class;
  std::string_view how;
};

// Reports cut after 120 bytes: what is not seen must stand before that.
constexpr std::string_view kSocket = "killed when the socket is made, before it is used; io_uring is not seen";
constexpr std::string_view kWriting = "killed when the file is open, before the first write; io_uring is not seen";

constexpr std::array kWeaker = {
    Weaker{WEIR_G_BPF,
           "killed once it has one of Weir's objects; in block mode, once it has loaded or attached a program"},
    Weaker{WEIR_G_MODULES, "killed while a module or kexec image is loaded, which it may be"},
    Weaker{WEIR_G_SIGNAL, "killed, but signal or limit stays; limits of groups and users are not seen"},
    Weaker{WEIR_G_PTRACE,
           "sensor only: killed for process_vm_readv, attaching (a stop stays), /proc/PID/mem; no other file"},
    Weaker{WEIR_G_RUNNER_MEMORY,
           "killed for process_vm_readv, attaching, opening /proc/PID/mem; other files of /proc/PID are not seen"},
    Weaker{WEIR_G_RUNNER_FILES, "killed when the file is open, before the first read; io_uring is not seen"},
    Weaker{WEIR_G_SENSOR_FILES, "killed when open (may be emptied), or gone, by path as written; io_uring is not seen"},
    Weaker{WEIR_G_CGROUP, kWriting},
    Weaker{WEIR_G_SYSCTL, "sysctl is refused; uevent_helper and lockdown: killed when open; io_uring is not seen"},
    Weaker{WEIR_G_SYSRQ, kWriting},
    Weaker{WEIR_G_MOUNT, "killed when it is gone, by path as written"},
    Weaker{WEIR_G_MEMORY, "devices are refused; kcore, probes, perf: killed when open; io_uring is not seen"},
    Weaker{WEIR_G_PACKET, kSocket},
    Weaker{WEIR_G_XDP, kSocket},
    Weaker{WEIR_G_VSOCK, kSocket},
    Weaker{WEIR_G_FAMILY, kSocket},
    Weaker{WEIR_G_NETNS, "killed before it acts there"},
    Weaker{WEIR_G_SOCKETS, "killed when connected, before anything is sent; datagrams and io_uring are not seen"},
    Weaker{WEIR_G_HELPERS,
           "killed when a file is open, or a key is asked for (its helper starts); modprobe is not seen"},
};

/// Empty: it does nothing.
std::string_view WeakerOf(std::uint32_t number) {
  const auto found = std::find_if(kWeaker.begin(), kWeaker.end(),
                                  [number](const Weaker& weaker) { return weaker.guard_class == number; });
  return found == kWeaker.end() ? std::string_view() : found->how;
}

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

std::string Unproven(const Outcome& outcome) {
  return outcome.tried ? std::string("the probe proved nothing: ") + std::strerror(outcome.sys_errno)
                       : "the probe did not come to it";
}

/// Never full.
ClassState FallbackState(std::uint32_t number, const Outcome& outcome, const Staff& staff) {
  const bool alone = staff.missing.size() == staff.programs;
  const std::string how = "fallback: " + std::string(WeakerOf(number));
  if (outcome.tried && outcome.denied != 0 && (outcome.killed || outcome.sys_errno == EPERM))
    return {number, State::kPartial, how, alone};
  if (outcome.tried && outcome.sys_errno == 0)
    return {number, State::kOff, "the fallback's programs run, and the probe was not killed", alone};
  return {number, State::kPartial, how + "; " + Unproven(outcome), alone};
}

ClassState StateOf(std::uint32_t number, const Outcome& outcome, const Staff& staff) {
  if (staff.missing.size() == staff.programs)
    return {number, State::kOff, staff.missing.empty() ? "this version has no program for it" : staff.missing[0]->why,
            false};
  std::string absent;
  if (!staff.missing.empty()) absent = staff.missing[0]->program + " does not run: " + staff.missing[0]->why;
  if (outcome.tried && outcome.denied != 0 && outcome.sys_errno == EPERM)
    return {number, absent.empty() ? State::kFull : State::kPartial, absent, false};
  if (!absent.empty()) absent = "; " + absent;
  if (outcome.tried && outcome.sys_errno == 0)
    return {number, State::kOff, "its programs run, and the probe was not denied" + absent, false};
  return {number, State::kPartial, Unproven(outcome) + absent, false};
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
                              const sensor_bpf::Fallback& fallback, const std::string& no_probe) {
  std::vector<ClassState> states;
  for (std::uint32_t number = 0; number < outcomes.size(); ++number) {
    const Staff staff = StaffOf(number, missing);
    const bool weaker = fallback.runs && !WeakerOf(number).empty();
    const bool alone = staff.missing.size() == staff.programs;
    if (!no_probe.empty() && (weaker || !alone)) {
      states.push_back(
          {number, State::kPartial, "its programs run, and were not proven: " + no_probe, weaker && alone});
      continue;
    }
    states.push_back(weaker ? FallbackState(number, outcomes[number], staff)
                            : StateOf(number, outcomes[number], staff));
    if (!fallback.why_not.empty() && alone && !WeakerOf(number).empty())
      states.back().why += "; the fallback does not run: " + fallback.why_not;
  }
  return states;
}

}  // namespace weir::guard
