// SPDX-License-Identifier: Apache-2.0
// Attaching programs for good, and replacing them without a gap.
#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir::sensor_bpf {

/// Where programs attach: the cgroup root, open and by its id.
struct AttachPoint {
  int cgroup_fd = -1;
  std::uint64_t cgroup_id = 0;
};

/// An attached program. Closing the fd does not detach it while it is pinned.
struct Link {
  Fd fd;
  std::string program;
  std::string attach;  ///< "cgroup/connect4", "raw_tp/sched_process_exec"
  std::string tag;     ///< 16 hex digits
  std::uint32_t program_id = 0;
  bool resting = false;  ///< let go on purpose; no fd
};

/// Attaches `program` and pins the link at `pin`. When a link is pinned there, it is taken over: a cgroup link that is
/// attached at the same cgroup is updated in place; any other is dropped after the new one is attached, so that at
/// every moment one of them runs (both, for a moment).
[[nodiscard]] Result<Link> AttachPinned(bpf_program* program, const AttachPoint& at, const std::filesystem::path& pin);

/// Does the kernel still run the link's program at its place? False when the cgroup is gone, or someone detached or
/// replaced it.
[[nodiscard]] bool IsAttached(const Link& link, const AttachPoint& at);

/// Could a program on a kernel function, which is attached now, be attached again after its link has gone? Not before
/// Linux 5.13 (bpf_tracing_prog_attach, kernel/bpf/syscall.c): it would have to be loaded anew.
[[nodiscard]] bool CanAttachAgain(const bpf_program* program);

/// Gives the links of programs on kernel functions (BPF_PROG_TYPE_TRACING) to a process that closes them, and closes
/// the others. Closing the last reference to one of those waits for rcu_tasks, about 0.1 s for each link on a
/// preemptible kernel, one after the other (kernel/trace/ftrace.c, ftrace_shutdown): nobody who ended a job should sit
/// that out. A pin is a reference, too: the process begins when the returned descriptor is closed, so unpin first. It
/// holds nothing else open, and ends by itself. Where no process can be made, the links are closed here, and an empty
/// one is returned.
[[nodiscard]] Fd CloseLinksElsewhere(std::vector<Link> links);

/// Takes the links to cgroups out of `links`.
[[nodiscard]] std::vector<Link> TakeCgroupLinks(std::vector<Link>& links);

/// Detaches links to cgroups before it returns. Only unpinning and closing them would not: the kernel lets go of a pin
/// after a grace period (bpf_free_inode, kernel/bpf/inode.c), so that programs would run for a while after their end.
void DetachNow(const std::vector<Link>& cgroup_links);

}  // namespace weir::sensor_bpf
