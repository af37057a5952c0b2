// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/policy_usage.h"

#include <algorithm>
#include <set>

#include "collector/rpc/limits.h"
#include "policy/address.h"
#include "policy/endpoint.h"
#include "policy/text.h"

namespace weir::cli {
namespace {

// FlowId writes IANA's word for it, or the number.
std::uint8_t ProtocolOf(const std::string& text) {
  if (const auto known = policy::ParseProtocol(text == "icmpv6" ? "icmp6" : text)) return *known;
  return static_cast<std::uint8_t>(policy::ParseNumber(text, 255).value_or(0));
}

bool Counts(const v1::JobRow& job, const UsageWish& wish) {
  return job.ended() && job.complete() && std::all_of(wish.labels.begin(), wish.labels.end(), [&](const auto& label) {
           const auto found = job.labels().find(label.first);
           return found != job.labels().end() && found->second == label.second;
         });
}

}  // namespace

policy::RunUse UseOf(const std::string& job, const v1::ListFlowsResponse& flows) {
  policy::RunUse use;
  use.job = job;
  std::set<std::string> lookups;
  for (const v1::FlowRow& row : flows.flows()) {
    if (row.id().verdict() == v1::VERDICT_DENY || row.id().hook() == v1::HOOK_SOCKET) continue;
    if (row.id().hook() == v1::HOOK_DNS) {
      lookups.insert(row.name());
      continue;
    }
    const auto address = policy::ParseAddress(row.id().address());
    if (!address) continue;
    policy::ObservedFlow flow;
    flow.name = row.name();
    flow.address = *address;
    flow.port = static_cast<std::uint16_t>(row.id().port());
    flow.protocol = ProtocolOf(row.id().protocol());
    flow.executable = row.executable();
    flow.job = job;
    use.flows.push_back(std::move(flow));
  }
  use.lookups.assign(lookups.begin(), lookups.end());
  return use;
}

Result<std::vector<policy::RunUse>> RunsUsed(const ReviewEnd& review, const UsageWish& wish) {
  v1::ListReviewJobsRequest request;
  request.set_limit(rpc::kMaxJobs);
  const auto jobs = review.ListJobs(request);
  if (!jobs) return tl::unexpected(jobs.error());
  std::vector<policy::RunUse> runs;
  for (const v1::JobRow& job : jobs->jobs()) {
    if (runs.size() == wish.runs) break;
    if (!Counts(job, wish)) continue;
    v1::ListFlowsRequest flows;
    flows.set_job_id(job.job_id());
    flows.set_limit(rpc::kMaxFlows);
    const auto answer = review.ListFlows(flows);
    if (!answer) return tl::unexpected(answer.error());
    if (!answer->truncated()) runs.push_back(UseOf(job.name(), *answer));
  }
  if (runs.size() == wish.runs) return runs;
  return Fail(Code::kNotFound, "unused rules cannot be told: " + std::to_string(runs.size()) +
                                   " runs with a complete record" + (wish.labels.empty() ? "" : " and these labels") +
                                   " are recorded, fewer than " + std::to_string(wish.runs));
}

}  // namespace weir::cli
