// SPDX-License-Identifier: Apache-2.0
// The commands below `weir policy`, one file each.
#pragma once

namespace CLI {
class App;
}  // namespace CLI

namespace weir::cli {

struct Invocation;

void AddPolicyCheck(CLI::App& policy, Invocation& invocation);
void AddPolicySuggest(CLI::App& policy, Invocation& invocation);
void AddPolicyExplain(CLI::App& policy, Invocation& invocation);
void AddPolicyDiff(CLI::App& policy, Invocation& invocation);

}  // namespace weir::cli
