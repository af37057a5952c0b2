// SPDX-License-Identifier: Apache-2.0
// Runners whose hooks may begin jobs, one file each, written by `weir runner install` and edited by the host's owner
// (docs/runner.md). What stands there is the host's word: neither the runner's user nor a job may write it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "sensor/base/result.h"

namespace weir::runner {

inline constexpr const char* kDefaultDirectory = "/etc/weir/runners";

/// What becomes of the policy that a repository brings.
enum class RepositoryPolicy {
  kNarrow,   ///< combined with the host's; the host's alone when there is none
  kRequire,  ///< combined; no job without one
  kIgnore,   ///< the host's alone
};

/// One entry of `policies:`. The first whose patterns all match holds. `*` in a pattern stands for any characters.
struct PolicyChoice {
  std::string repository = "*";  ///< owner/name
  std::string workflow = "*";    ///< its name
  std::string job = "*";         ///< its id
  std::filesystem::path policy;  ///< the host's; empty: none
  RepositoryPolicy repository_policy = RepositoryPolicy::kNarrow;
};

struct Enrolment {
  std::string name;                 ///< the file's, without `.yml`
  std::filesystem::path directory;  ///< of the runner: where its `bin` is
  uid_t uid = 0;
  bool host = false;  ///< its jobs have the whole host
  std::vector<PolicyChoice> policies;
  std::vector<std::string> endpoints;  ///< that Runner.Worker itself needs, whatever the job may reach
};

/// Labels of a job by key, as its hook tells them: "repository", "workflow", "job".
using Labels = std::map<std::string, std::string>;

/// Every `*.yml` in the directory. None is no error. kPrivilege: a file that others than root may write. kInvalid: all
/// faults of all files.
[[nodiscard]] Result<std::vector<Enrolment>> LoadEnrolments(const std::filesystem::path& directory);

/// Null: none of the runner's choices is for this job.
[[nodiscard]] const PolicyChoice* ChoosePolicy(const Enrolment& enrolment, const Labels& labels);

/// True when `text` is what `pattern` says; `*` stands for any characters, also none.
[[nodiscard]] bool MatchesPattern(std::string_view pattern, std::string_view text);

}  // namespace weir::runner
