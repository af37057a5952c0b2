// SPDX-License-Identifier: Apache-2.0
#include "collector/query/service.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <functional>
#include <string>
#include <utility>

#include "collector/query/render.h"
#include "collector/query/suggest.h"
#include "collector/report/build.h"
#include "collector/report/render.h"
#include "collector/rpc/limits.h"
#include "collector/rpc/status.h"

namespace weir::query {
namespace {

/// Until when a question may be answered: the client still wants to know, the server runs, and it was not too long.
store::Stop StopOf(grpc::CallbackServerContext* context) {
  return [context, until = std::chrono::steady_clock::now() + rpc::kMaxAnswerTime] {
    return context->IsCancelled() || std::chrono::steady_clock::now() > until;
  };
}

/// Runs `answer` on a worker and finishes the call with what it returns. Request and response live until then.
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, rpc::Workers& workers,
                                 std::function<Result<>(const store::Stop&)> answer) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const bool taken = workers.Submit([context, reactor, answer = std::move(answer)] {
    if (context->IsCancelled()) return reactor->Finish(grpc::Status::CANCELLED);
    const Result<> result = answer(StopOf(context));
    reactor->Finish(result ? grpc::Status::OK : rpc::ToStatus(result.error()));
  });
  if (!taken) {
    reactor->Finish({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many questions wait; ask again later"});
  }
  return reactor;
}

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context, const Error& error) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(rpc::ToStatus(error));
  return reactor;
}

Result<std::uint32_t> Limit(std::uint32_t asked, std::uint32_t otherwise, std::uint32_t most) {
  if (asked > most) return Fail(Code::kInvalid, "limit: more than " + std::to_string(most));
  return asked == 0 ? otherwise : asked;
}

Result<> CheckJobId(const std::string& job_id) {
  if (job_id.empty()) return Fail(Code::kInvalid, "job_id: is empty");
  if (job_id.size() > rpc::kMaxJobId) return Fail(Code::kInvalid, "job_id: is too long");
  return {};
}

/// A path in the repository, as SARIF wants it: relative, with forward slashes.
Result<std::string> PolicyPath(const std::string& asked) {
  if (asked.empty()) return ".github/egress.yml";
  const bool plain =
      std::none_of(asked.begin(), asked.end(), [](unsigned char c) { return std::iscntrl(c) != 0 || c == '\\'; });
  if (asked.size() > rpc::kMaxPolicyPath || asked.front() == '/' || !plain) {
    return Fail(Code::kInvalid, "policy_path: is no path relative to the repository");
  }
  return asked;
}

Result<store::StepFilter> StepOf(const v1::StepFilter& asked) {
  store::StepFilter step;
  if (asked.has_number()) step.number = asked.number();
  if (asked.has_name() && asked.name().empty()) return Fail(Code::kInvalid, "step: its name is empty");
  if (asked.name().size() > rpc::kMaxStepText) return Fail(Code::kInvalid, "step: its name is too long");
  step.name = asked.name();
  return step;
}

/// Adds rendered rows until the listing is full. False: some were left out.
template <typename From, typename Add>
bool RenderRows(const std::vector<From>& from, Add add) {
  std::size_t bytes = 0;
  for (const From& item : from) {
    bytes += add(item).ByteSizeLong();
    if (bytes > rpc::kMaxListingBytes) return false;
  }
  return true;
}

Result<std::string> RenderReport(const report::JobReport& job, v1::ReportFormat format, const std::string& path) {
  switch (format) {
    case v1::REPORT_FORMAT_JSON: return report::RenderJson(job);
    case v1::REPORT_FORMAT_MARKDOWN: return report::RenderMarkdown(job);
    case v1::REPORT_FORMAT_HTML: return report::RenderHtml(job);
    case v1::REPORT_FORMAT_SARIF: return report::RenderSarif(job, path);
    default: return Fail(Code::kInvalid, "format: is not set, or not known");
  }
}

}  // namespace

grpc::ServerUnaryReactor* ReviewService::ListJobs(grpc::CallbackServerContext* context,
                                                  const v1::ListReviewJobsRequest* request,
                                                  v1::ListReviewJobsResponse* response) {
  const auto limit = Limit(request->limit(), rpc::kDefaultJobs, rpc::kMaxJobs);
  if (!limit) return Refuse(context, limit.error());
  return Answer(context, workers_, [this, request, response, limit = *limit](const store::Stop& stop) -> Result<> {
    const auto page = store_.ListJobs(request->since_ns(), limit, stop);
    if (!page) return tl::unexpected<Error>(page.error());
    for (const store::JobSummary& job : page->jobs) Render(job, *response->add_jobs());
    response->set_truncated(page->truncated);
    return {};
  });
}

grpc::ServerUnaryReactor* ReviewService::ListFlows(grpc::CallbackServerContext* context,
                                                   const v1::ListFlowsRequest* request,
                                                   v1::ListFlowsResponse* response) {
  const auto limit = Limit(request->limit(), rpc::kDefaultFlows, rpc::kMaxFlows);
  if (!limit) return Refuse(context, limit.error());
  auto step = StepOf(request->step());
  if (!step) return Refuse(context, step.error());
  store::FlowFilter filter{request->job_id(), request->denied_only(), request->since_ns(), *limit, std::move(*step)};
  return Answer(context, workers_, [this, filter = std::move(filter), response](const store::Stop& stop) -> Result<> {
    const auto page = store_.ListFlows(filter, stop);
    if (!page) return tl::unexpected<Error>(page.error());
    const bool all = RenderRows(page->flows, [&](const store::StoredFlow& flow) -> const v1::FlowRow& {
      v1::FlowRow& row = *response->add_flows();
      Render(flow, page->images, row);
      return row;
    });
    response->set_truncated(page->truncated || !all);
    return {};
  });
}

grpc::ServerUnaryReactor* ReviewService::ListProcesses(grpc::CallbackServerContext* context,
                                                       const v1::ListProcessesRequest* request,
                                                       v1::ListProcessesResponse* response) {
  const auto limit = Limit(request->limit(), rpc::kDefaultProcesses, rpc::kMaxProcesses);
  if (!limit) return Refuse(context, limit.error());
  if (const auto job = CheckJobId(request->job_id()); !job) return Refuse(context, job.error());
  auto step = StepOf(request->step());
  if (!step) return Refuse(context, step.error());
  return Answer(
      context, workers_,
      [this, request, response, limit = *limit, step = std::move(*step)](const store::Stop& stop) -> Result<> {
        const auto page = store_.ListProcesses(request->job_id(), limit, step, stop);
        if (!page) return tl::unexpected<Error>(page.error());
        const bool all = RenderRows(page->processes, [&](const store::StoredExec& process) -> const v1::ProcessRow& {
          v1::ProcessRow& row = *response->add_processes();
          Render(process, row);
          return row;
        });
        response->set_truncated(page->truncated || !all);
        return {};
      });
}

grpc::ServerUnaryReactor* ReviewService::GetReport(grpc::CallbackServerContext* context,
                                                   const v1::GetReportRequest* request,
                                                   v1::GetReportResponse* response) {
  if (const auto job = CheckJobId(request->job_id()); !job) return Refuse(context, job.error());
  auto path = PolicyPath(request->policy_path());
  if (!path) return Refuse(context, path.error());
  return Answer(context, workers_,
                [this, request, response, path = std::move(*path)](const store::Stop& stop) -> Result<> {
                  auto evidence = store_.LoadJob(request->job_id(), {}, stop);
                  if (!evidence) return tl::unexpected<Error>(evidence.error());
                  auto content = RenderReport(report::BuildReport(std::move(*evidence)), request->format(), path);
                  if (!content) return tl::unexpected<Error>(content.error());
                  if (content->size() > static_cast<std::size_t>(rpc::kMaxAnswerBytes)) {
                    return Fail(Code::kExhausted, "the report is larger than an answer may be; ask for another format");
                  }
                  response->set_content(std::move(*content));
                  return {};
                });
}

grpc::ServerUnaryReactor* ReviewService::SuggestPolicy(grpc::CallbackServerContext* context,
                                                       const v1::SuggestPolicyRequest* request,
                                                       v1::SuggestPolicyResponse* response) {
  const auto jobs = static_cast<std::size_t>(request->job_ids_size());
  if (jobs == 0) return Refuse(context, {Code::kInvalid, 0, "job_ids: is empty"});
  if (jobs > rpc::kMaxSuggestJobs) return Refuse(context, {Code::kInvalid, 0, "job_ids: too many"});
  for (const std::string& job_id : request->job_ids()) {
    if (const auto job = CheckJobId(job_id); !job) return Refuse(context, job.error());
  }
  return Answer(context, workers_, [this, request, response](const store::Stop& stop) {
    return Suggest(store_, *request, stop, *response);
  });
}

}  // namespace weir::query
