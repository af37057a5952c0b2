// SPDX-License-Identifier: Apache-2.0
// weir.v1.Review: questions about what is stored. Every list is bounded (collector/rpc/limits.h).
#pragma once

#include "collector/rpc/workers.h"
#include "collector/store/store.h"
#include "weir/v1/review.grpc.pb.h"

namespace weir::query {

/// Handlers check the question on gRPC's thread and answer it on a worker, because the store waits for the disk.
class ReviewService final : public v1::Review::CallbackService {
 public:
  /// Both must outlive the server that runs this service.
  ReviewService(store::Store& store, rpc::Workers& workers) : store_(store), workers_(workers) {}

  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context, const v1::ListReviewJobsRequest* request,
                                     v1::ListReviewJobsResponse* response) override;
  grpc::ServerUnaryReactor* ListFlows(grpc::CallbackServerContext* context, const v1::ListFlowsRequest* request,
                                      v1::ListFlowsResponse* response) override;
  grpc::ServerUnaryReactor* ListProcesses(grpc::CallbackServerContext* context, const v1::ListProcessesRequest* request,
                                          v1::ListProcessesResponse* response) override;
  grpc::ServerUnaryReactor* GetReport(grpc::CallbackServerContext* context, const v1::GetReportRequest* request,
                                      v1::GetReportResponse* response) override;
  grpc::ServerUnaryReactor* SuggestPolicy(grpc::CallbackServerContext* context, const v1::SuggestPolicyRequest* request,
                                          v1::SuggestPolicyResponse* response) override;

 private:
  store::Store& store_;
  rpc::Workers& workers_;
};

}  // namespace weir::query
