// SPDX-License-Identifier: Apache-2.0
// Which container a process is in, as far as its cgroup's name says: engines name the cgroups of containers after them.
#pragma once

#include <string>
#include <string_view>

namespace weir::jobs {

/// The first 12 digits of a container's id, as engines print it, from a cgroup's path; empty: none. The id is 64
/// hexadecimal digits, alone or in a name such as "docker-ID.scope", "libpod-ID.scope", "cri-containerd-ID.scope". Of
/// several the innermost. A job can make a cgroup of any name: this is for people, and decides nothing.
[[nodiscard]] std::string ContainerOf(std::string_view cgroup_path);

}  // namespace weir::jobs
