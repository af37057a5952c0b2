// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/remote/call.h"

namespace weir::cli {
namespace {

Code CodeOf(grpc::StatusCode status) {
  switch (status) {
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE: return Code::kInvalid;
    case grpc::StatusCode::NOT_FOUND: return Code::kNotFound;
    case grpc::StatusCode::ALREADY_EXISTS: return Code::kExists;
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED: return Code::kPrivilege;
    case grpc::StatusCode::UNIMPLEMENTED: return Code::kUnsupported;
    case grpc::StatusCode::FAILED_PRECONDITION: return Code::kNotArmed;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::CANCELLED: return Code::kUnavailable;
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return Code::kExhausted;
    default: return Code::kInternal;
  }
}

}  // namespace

Error ErrorOf(const grpc::Status& status, const std::string& peer) {
  Error error{CodeOf(status.error_code()), 0, status.error_message()};
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) error.what = peer + " did not answer in time";
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE) error.what = peer + " is away: " + status.error_message();
  if (error.what.empty()) error.what = peer + " failed without saying why";
  return error;
}

}  // namespace weir::cli
