// SPDX-License-Identifier: Apache-2.0
// What a client of the collector must set on its channel.
#pragma once

#include <grpcpp/support/channel_arguments.h>

namespace weir::rpc {

/// Accepts answers up to kMaxAnswerBytes (gRPC's own default is 4 MiB, less than the report of a large job).
[[nodiscard]] grpc::ChannelArguments ClientArguments();

}  // namespace weir::rpc
