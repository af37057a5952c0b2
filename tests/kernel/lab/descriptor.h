// SPDX-License-Identifier: Apache-2.0
// Handing an open descriptor to another process (unix(7), SCM_RIGHTS).
#pragma once

namespace weir::lab {

/// Sends `fd` over a connected unix socket. False: errno says why.
bool Give(int channel, int fd);
/// Waits for one. -1: none came.
int Take(int channel);

}  // namespace weir::lab
