// SPDX-License-Identifier: Apache-2.0
#include "collector/query/suggest.h"

namespace weir::query {

Result<> Suggest(store::Store&, const v1::SuggestPolicyRequest&, v1::SuggestPolicyResponse&) {
  return Fail(Code::kUnsupported, "suggestions are not built in yet");
}

}  // namespace weir::query
