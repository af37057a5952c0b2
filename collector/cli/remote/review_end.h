// SPDX-License-Identifier: Apache-2.0
// The collector's review service, seen from a client.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sensor/base/result.h"
#include "weir/v1/review.pb.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace weir::cli {

/// Calls block, 60 s at most. Any thread.
class ReviewEnd {
 public:
  ReviewEnd(std::shared_ptr<grpc::Channel> channel, std::string peer);
  ReviewEnd(ReviewEnd&&) noexcept;
  ReviewEnd& operator=(ReviewEnd&&) noexcept;
  ~ReviewEnd();

  /// kUnavailable when nothing listens on `socket`.
  [[nodiscard]] static Result<ReviewEnd> Connect(const std::string& socket);

  [[nodiscard]] Result<v1::ListReviewJobsResponse> ListJobs(const v1::ListReviewJobsRequest& request) const;
  [[nodiscard]] Result<v1::ListFlowsResponse> ListFlows(const v1::ListFlowsRequest& request) const;
  [[nodiscard]] Result<v1::ListProcessesResponse> ListProcesses(const v1::ListProcessesRequest& request) const;
  [[nodiscard]] Result<v1::GetReportResponse> GetReport(const v1::GetReportRequest& request) const;
  [[nodiscard]] Result<v1::SuggestPolicyResponse> SuggestPolicy(const v1::SuggestPolicyRequest& request) const;

  /// The job that `text` means: its id, a prefix that only one job has, or "latest". kNotFound, kInvalid (ambiguous).
  [[nodiscard]] Result<v1::JobRow> FindJob(const std::string& text) const;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  std::string peer_;
};

/// FindJob among `jobs`, which are newest first.
[[nodiscard]] Result<v1::JobRow> PickJob(const std::vector<v1::JobRow>& jobs, const std::string& text);

}  // namespace weir::cli
