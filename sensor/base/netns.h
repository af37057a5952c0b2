// SPDX-License-Identifier: Apache-2.0
// Sockets of another network namespace. A thread belongs to one namespace, so each is made by a thread of its own that
// ends at once: the caller never leaves its namespace.
#pragma once

#include <functional>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"

namespace weir {

/// Runs `make` in the namespace. netns_fd -1: in the caller's own, on the caller's thread.
[[nodiscard]] Result<Fd> MakeInNetns(int netns_fd, const std::function<Result<Fd>()>& make);

}  // namespace weir
