// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

#include "sensor/base/result.h"

namespace weir::lab {

/// Makes every map of a loaded object what it was when it was loaded: hashes and tries empty, arrays zero. Its programs
/// must be detached. Left alone: settings (read-only), storage of sockets, which goes with them, and what rings still
/// hold.
Result<> EmptyMaps(bpf_object* object);

}  // namespace weir::lab
