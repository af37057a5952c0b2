// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "collector/store/store.h"
#include "sensor/base/result.h"
#include "weir/v1/review.pb.h"

namespace weir::query {

/// Writes the fewest rules that cover what the jobs of the request did (policy/suggest.h). The request has been
/// checked.
[[nodiscard]] Result<> Suggest(store::Store& store, const v1::SuggestPolicyRequest& request,
                               v1::SuggestPolicyResponse& response);

}  // namespace weir::query
