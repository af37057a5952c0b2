// SPDX-License-Identifier: Apache-2.0
#include "sensor/runner/endpoints.h"

#include "policy/endpoint.h"

namespace weir::runner {

std::vector<std::string> DefaultEndpoints() {
  return {"github.com", "api.github.com", "*.actions.githubusercontent.com", "*.blob.core.windows.net",
          "codeload.github.com"};
}

std::string FaultsOfEndpoints(const std::string& before, const std::vector<std::string>& endpoints) {
  std::string faults;
  for (const std::string& text : endpoints) {
    for (const auto& fault : policy::ParseEndpoint(text, policy::ListKind::kAllow).faults) {
      if (fault.severity == policy::Severity::kError)
        faults += before + text + ": " + fault.reason + "; " + fault.suggestion + "\n";
    }
  }
  return faults;
}

void AllowEndpoints(const std::vector<std::string>& endpoints, const std::vector<std::string>& executables,
                    policy::ParsedPolicy& policy) {
  if (executables.empty()) return;
  for (const std::string& text : endpoints) {
    const auto parsed = policy::ParseEndpoint(text, policy::ListKind::kAllow);
    if (!parsed.endpoint) continue;
    policy::Rule rule;
    rule.endpoint = *parsed.endpoint;
    rule.text = text;
    rule.processes = executables;
    rule.reason = "the runner's own connection";
    policy.rules.push_back(std::move(rule));
  }
}

}  // namespace weir::runner
