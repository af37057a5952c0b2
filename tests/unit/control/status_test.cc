// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "sensor/control/handlers.h"

namespace weir::control {
namespace {

struct Row {
  Code code;
  grpc::StatusCode status;
};

class StatusTest : public ::testing::TestWithParam<Row> {};

TEST_P(StatusTest, KeepsTheKindAndTheWords) {
  const grpc::Status status = ToStatus({GetParam().code, 0, "line one\nline two"});
  EXPECT_EQ(status.error_code(), GetParam().status);
  EXPECT_EQ(status.error_message(), "line one\nline two");
}

INSTANTIATE_TEST_SUITE_P(Codes, StatusTest,
                         ::testing::Values(Row{Code::kInvalid, grpc::StatusCode::INVALID_ARGUMENT},
                                           Row{Code::kNotFound, grpc::StatusCode::NOT_FOUND},
                                           Row{Code::kExists, grpc::StatusCode::ALREADY_EXISTS},
                                           Row{Code::kPrivilege, grpc::StatusCode::PERMISSION_DENIED},
                                           Row{Code::kUnsupported, grpc::StatusCode::UNIMPLEMENTED},
                                           Row{Code::kNotArmed, grpc::StatusCode::FAILED_PRECONDITION},
                                           Row{Code::kUnavailable, grpc::StatusCode::UNAVAILABLE},
                                           Row{Code::kExhausted, grpc::StatusCode::RESOURCE_EXHAUSTED},
                                           Row{Code::kInternal, grpc::StatusCode::INTERNAL}),
                         [](const auto& row) {
                           std::string name(CodeName(row.param.code));
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace weir::control
