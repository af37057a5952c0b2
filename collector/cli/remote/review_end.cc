// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/remote/review_end.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <utility>

#include "collector/cli/host/places.h"
#include "collector/cli/remote/call.h"
#include "collector/rpc/client.h"
#include "collector/rpc/limits.h"
#include "weir/v1/review.grpc.pb.h"

namespace weir::cli {
namespace {

using Service = v1::Review::Stub;

constexpr std::chrono::seconds kRead{60};
constexpr std::uint32_t kMostJobs = rpc::kMaxJobs;
constexpr std::size_t kNamedCandidates = 5;

}  // namespace

struct ReviewEnd::Stub {
  std::unique_ptr<Service> service;
};

ReviewEnd::ReviewEnd(std::shared_ptr<grpc::Channel> channel, std::string peer)
    : stub_(std::make_unique<Stub>(Stub{v1::Review::NewStub(std::move(channel))})), peer_(std::move(peer)) {}
ReviewEnd::ReviewEnd(ReviewEnd&&) noexcept = default;
ReviewEnd& ReviewEnd::operator=(ReviewEnd&&) noexcept = default;
ReviewEnd::~ReviewEnd() = default;

Result<ReviewEnd> ReviewEnd::Connect(const std::string& socket) {
  WEIR_TRY(ProbeSocket(socket));
  return ReviewEnd(
      grpc::CreateCustomChannel("unix:" + socket, grpc::InsecureChannelCredentials(), rpc::ClientArguments()),
      "the collector on " + socket);
}

Result<v1::ListReviewJobsResponse> ReviewEnd::ListJobs(const v1::ListReviewJobsRequest& request) const {
  return Call(*stub_->service, &Service::ListJobs, request, peer_, kRead);
}

Result<v1::ListFlowsResponse> ReviewEnd::ListFlows(const v1::ListFlowsRequest& request) const {
  return Call(*stub_->service, &Service::ListFlows, request, peer_, kRead);
}

Result<v1::ListProcessesResponse> ReviewEnd::ListProcesses(const v1::ListProcessesRequest& request) const {
  return Call(*stub_->service, &Service::ListProcesses, request, peer_, kRead);
}

Result<v1::GetReportResponse> ReviewEnd::GetReport(const v1::GetReportRequest& request) const {
  return Call(*stub_->service, &Service::GetReport, request, peer_, kRead);
}

Result<v1::SuggestPolicyResponse> ReviewEnd::SuggestPolicy(const v1::SuggestPolicyRequest& request) const {
  return Call(*stub_->service, &Service::SuggestPolicy, request, peer_, kRead);
}

Result<v1::JobRow> ReviewEnd::FindJob(const std::string& text) const {
  v1::ListReviewJobsRequest request;
  request.set_limit(text == "latest" ? 1 : kMostJobs);
  auto answer = ListJobs(request);
  if (!answer) return tl::unexpected(answer.error());
  return PickJob({answer->jobs().begin(), answer->jobs().end()}, text);
}

Result<v1::JobRow> PickJob(const std::vector<v1::JobRow>& jobs, const std::string& text) {
  if (jobs.empty()) return Fail(Code::kNotFound, "no job was recorded yet; `weir run` makes one");
  if (text == "latest") return jobs.front();
  if (text.empty()) return Fail(Code::kInvalid, "an empty job id names no job");
  std::vector<const v1::JobRow*> found;
  for (const v1::JobRow& job : jobs) {
    if (job.job_id() == text) return job;
    if (job.job_id().starts_with(text)) found.push_back(&job);
  }
  if (found.empty()) return Fail(Code::kNotFound, "there is no job '" + text + "'; `weir job list --all` lists them");
  if (found.size() == 1) return *found.front();
  std::string candidates;
  for (std::size_t i = 0; i < found.size() && i < kNamedCandidates; ++i) {
    candidates += (i == 0 ? "" : ", ") + found[i]->job_id();
  }
  if (found.size() > kNamedCandidates) candidates += ", …";
  return Fail(Code::kInvalid,
              "'" + text + "' begins the ids of " + std::to_string(found.size()) + " jobs: " + candidates);
}

}  // namespace weir::cli
