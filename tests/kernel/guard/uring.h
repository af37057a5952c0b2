// SPDX-License-Identifier: Apache-2.0
// One request by io_uring(7), without a library: enough to see whether a hook is passed that way.
#pragma once

#include <string>

namespace weir::lab::Uring {

/// Opens a file for reading; by_worker: a kernel thread does it (IOSQE_ASYNC). errno or 0.
int Open(const std::string& path, bool by_worker);

}  // namespace weir::lab::Uring
