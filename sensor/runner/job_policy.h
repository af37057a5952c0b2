// SPDX-License-Identifier: Apache-2.0
// The policy of a runner's job: the host's choice, narrowed by the repository's, plus what Runner.Worker itself needs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sensor/base/result.h"
#include "sensor/runner/enrolment.h"

namespace weir::runner {

struct JobPolicy {
  std::string text;            ///< YAML to enforce
  std::string path;            ///< for messages
  bool fails_on_deny = false;  ///< `on_deny: fail`
  std::vector<std::string> warnings;
  /// Why the job must not go on. `text` allows nothing but the runner's own endpoints then: steps that run "always"
  /// still come, and must find the door closed.
  std::string refused;
};

/// What outlives a runner's job is ended, unless a policy says `leftovers: report`: the next job is to find a runner
/// where nobody is.
///
/// `repository_text`: the policy that the repository has at a trusted ref; empty: none. `worker`: executable to which
/// the runner's endpoints are bound.
[[nodiscard]] JobPolicy PolicyFor(const Enrolment& enrolment, const Labels& labels, const std::string& repository_text,
                                  const std::filesystem::path& worker);

}  // namespace weir::runner
