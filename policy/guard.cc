// SPDX-License-Identifier: Apache-2.0
#include "policy/guard.h"

#include <algorithm>
#include <array>
#include <string>

#include "bpf/abi.h"

namespace weir::policy {
namespace {

constexpr auto kNone = kNoGuardNumber;

constexpr std::array kClasses = {
    GuardClass{"bpf", 0, WEIR_G_BPF, true, "bpf(2): programs, maps and links, Weir's among them"},
    GuardClass{"modules", 0, WEIR_G_MODULES, true, "loading kernel modules and kexec images"},
    GuardClass{"signal", 0, WEIR_G_SIGNAL, true, "signals to the sensor and the runner, and their limits"},
    GuardClass{"ptrace", 0, WEIR_G_PTRACE, true, "memory and descriptors of processes outside the job"},
    GuardClass{"runner-memory", 0, WEIR_G_RUNNER_MEMORY, true, "memory and descriptors of the runner"},
    GuardClass{"runner-files", 0, WEIR_G_RUNNER_FILES, true, "the runner's credential files"},
    GuardClass{"sensor-files", 0, WEIR_G_SENSOR_FILES, true, "writing Weir's own files"},
    GuardClass{"cgroup", 0, WEIR_G_CGROUP, true, "writing files of cgroups outside the job's"},
    GuardClass{"sysctl", 0, WEIR_G_SYSCTL, true, "settings that switch programs off or start helpers"},
    GuardClass{"sysrq", 0, WEIR_G_SYSRQ, true, "SysRq"},
    GuardClass{"mount", 0, WEIR_G_MOUNT, true, "taking Weir's pins away"},
    GuardClass{"memory", 0, WEIR_G_MEMORY, true, "physical and kernel memory"},
    GuardClass{"packet", 0, WEIR_G_PACKET, false, "packet sockets"},
    GuardClass{"xdp", 0, WEIR_G_XDP, false, "XDP sockets"},
    GuardClass{"vsock", 0, WEIR_G_VSOCK, false, "sockets to virtual machines and their host"},
    GuardClass{"family", 0, WEIR_G_FAMILY, false, "sockets of further families that leave the host"},
    GuardClass{"tun", 0, WEIR_G_TUN, false, "TUN and TAP devices"},
    GuardClass{"tunnel", 0, WEIR_G_TUNNEL, false, "links of the host's network, tunnels among them"},
    GuardClass{"routes", 0, WEIR_G_ROUTES, false, "addresses, routes, rules and queues of the host's network"},
    GuardClass{"netfilter", 0, WEIR_G_NETFILTER, false, "the host's packet filter"},
    GuardClass{"netns", 0, WEIR_G_NETNS, false, "joining the host's network namespace"},
    GuardClass{"sockets", 0, WEIR_G_SOCKETS, false, "unix sockets of services that act for others"},
    GuardClass{"helpers", 0, WEIR_G_HELPERS, false, "making the kernel, cron or at start programs outside the job"},
    GuardClass{"raw", WEIR_KIND_RAW, kNone, false, "raw sockets"},
    GuardClass{"ping", WEIR_KIND_PING, kNone, false, "ping sockets"},
    GuardClass{"sctp", WEIR_KIND_SCTP, kNone, false, "SCTP sockets"},
    GuardClass{"udplite", WEIR_KIND_UDPLITE, kNone, false, "UDP-Lite sockets"},
    GuardClass{"dccp", WEIR_KIND_DCCP, kNone, false, "DCCP sockets"},
    GuardClass{"l2tp", WEIR_KIND_L2TP, kNone, false, "L2TP sockets"},
};

/// Ended in audit mode, too: what would switch the watch off, or take the runner over. A build has no use for it.
constexpr std::uint32_t kKilledInAudit = 1u << WEIR_G_BPF | 1u << WEIR_G_SIGNAL | 1u << WEIR_G_PTRACE |
                                         1u << WEIR_G_RUNNER_MEMORY | 1u << WEIR_G_SENSOR_FILES | 1u << WEIR_G_MOUNT;

/// What services of a host have to do with each other, with its network and its modules: for them the network hooks
/// stand alone.
constexpr std::uint32_t kServicesOwn = 1u << WEIR_G_MODULES | 1u << WEIR_G_TUNNEL | 1u << WEIR_G_ROUTES |
                                       1u << WEIR_G_NETFILTER | 1u << WEIR_G_NETNS | 1u << WEIR_G_SOCKETS |
                                       1u << WEIR_G_HELPERS;

}  // namespace

std::span<const GuardClass> GuardClasses() { return kClasses; }

const GuardClass* GuardClassOf(std::uint32_t number) {
  const auto found = std::find_if(kClasses.begin(), kClasses.end(),
                                  [number](const GuardClass& known) { return known.number == number; });
  return number == kNone || found == kClasses.end() ? nullptr : &*found;
}

std::string_view GuardAction(const GuardClass& known, const std::map<std::string, std::string>& said, Mode mode) {
  if (const auto found = said.find(std::string(known.name)); found != said.end()) return found->second;
  return known.protects || known.kind != 0 || mode == Mode::kBlock ? "deny" : "report";
}

GuardMasks GuardMasksOf(const CompiledPolicy& policy) {
  GuardMasks masks;
  masks.services = ~kServicesOwn;
  for (const GuardClass& known : kClasses) {
    if (known.number == kNone) continue;
    const std::string_view action = GuardAction(known, policy.guard, policy.mode);
    const bool said = policy.guard.contains(std::string(known.name));
    const std::uint32_t bit = 1u << known.number;
    if (action == "deny") masks.deny |= bit;
    if (action == "report") masks.report |= bit;
    if (action == "deny" && (said || policy.mode == Mode::kBlock || (kKilledInAudit & bit) != 0)) masks.kill |= bit;
  }
  return masks;
}

}  // namespace weir::policy
