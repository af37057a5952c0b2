// SPDX-License-Identifier: Apache-2.0
// From stored flows to a suggested policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collector/report/model.h"
#include "collector/store/store.h"
#include "policy/suggest.h"
#include "sensor/base/result.h"
#include "weir/v1/review.pb.h"

namespace weir::query {

/// What of one job a policy has to name. Pure.
struct Observed {
  std::vector<policy::ObservedFlow> flows;
  std::vector<std::string> notes;  ///< what the suggestion cannot cover; safe to print
};
[[nodiscard]] Observed Observe(const report::JobReport& job);

/// Makes one of equal flows, their counts added. Runs of one job mostly do the same.
void Merge(std::vector<policy::ObservedFlow>& flows);

/// Writes the fewest rules that cover what the jobs of the request did (policy/suggest.h). The request has been
/// checked.
/// kExhausted when there are more than kMaxSuggestFlows distinct ones, or `stop` says so.
[[nodiscard]] Result<> Suggest(store::Store& store, const v1::SuggestPolicyRequest& request, const store::Stop& stop,
                               v1::SuggestPolicyResponse& response);

}  // namespace weir::query
