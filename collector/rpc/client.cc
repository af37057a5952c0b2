// SPDX-License-Identifier: Apache-2.0
#include "collector/rpc/client.h"

#include "collector/rpc/limits.h"

namespace weir::rpc {

grpc::ChannelArguments ClientArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  return arguments;
}

}  // namespace weir::rpc
