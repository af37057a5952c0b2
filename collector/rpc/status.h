// SPDX-License-Identifier: Apache-2.0
// The one function that turns errors into what a peer is told.
#pragma once

#include <grpcpp/support/status.h>

#include "sensor/base/result.h"

namespace weir::rpc {

[[nodiscard]] grpc::Status ToStatus(const Error& error);

}  // namespace weir::rpc
