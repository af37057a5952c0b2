// SPDX-License-Identifier: Apache-2.0
#include "collector/rpc/status.h"

namespace weir::rpc {
namespace {

grpc::StatusCode CodeOf(Code code) {
  switch (code) {
    case Code::kInvalid: return grpc::StatusCode::INVALID_ARGUMENT;
    case Code::kNotFound: return grpc::StatusCode::NOT_FOUND;
    case Code::kExists: return grpc::StatusCode::ALREADY_EXISTS;
    case Code::kPrivilege: return grpc::StatusCode::PERMISSION_DENIED;
    case Code::kUnsupported: return grpc::StatusCode::UNIMPLEMENTED;
    case Code::kNotArmed: return grpc::StatusCode::FAILED_PRECONDITION;
    case Code::kUnavailable: return grpc::StatusCode::UNAVAILABLE;
    case Code::kExhausted: return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Code::kInternal: return grpc::StatusCode::INTERNAL;
  }
  return grpc::StatusCode::INTERNAL;
}

}  // namespace

grpc::Status ToStatus(const Error& error) { return {CodeOf(error.code), error.what}; }

}  // namespace weir::rpc
