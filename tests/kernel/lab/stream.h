// SPDX-License-Identifier: Apache-2.0
// A TCP connection of a process to itself.
#pragma once

#include "sensor/base/fd.h"

namespace weir::lab {

struct Stream {
  Fd client, peer;
};

/// At `address`, any port. No peer: it could not be made.
Stream ConnectToSelf(const char* address);

}  // namespace weir::lab
