// SPDX-License-Identifier: Apache-2.0
// One gRPC call as a Result. Included by .cc files only: gRPC's headers are slow to compile.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <string>

#include "sensor/base/result.h"

namespace weir::cli {

/// What a peer's answer means to us. Messages of Weir's services are sentences already; `peer` is named where they are
/// not (the connection broke, the deadline passed).
[[nodiscard]] Error ErrorOf(const grpc::Status& status, const std::string& peer);

/// Calls `method` on `stub`; blocks until `deadline` at most.
template <typename Stub, typename Request, typename Response>
Result<Response> Call(Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request, const std::string& peer, std::chrono::milliseconds deadline) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline);
  Response response;
  const grpc::Status status = (stub.*method)(&context, request, &response);
  if (!status.ok()) return tl::unexpected(ErrorOf(status, peer));
  return response;
}

}  // namespace weir::cli
