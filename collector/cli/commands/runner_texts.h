// SPDX-License-Identifier: Apache-2.0
// The files that `weir runner install` writes. Words in capitals are filled in.
#pragma once

namespace weir::cli {

// `endpoints` is what Runner.Worker itself speaks to; docs/runner.md says where the list comes from.
inline constexpr const char* kDefaultEnrolment =
    R"(# Which policy holds for which job of this runner; docs/runner.md. Read at each job's beginning.
version: 1
directory: "DIRECTORY"
user: "USER"
policies:                      # the first that fits holds; none: the job reaches nothing
  - repository: "*"            # owner/name, `*` for any characters; likewise `workflow` and `job`
    policy: "POLICY"
    repository_policy: narrow  # narrow, require or ignore: what becomes of the repository's own policy
endpoints:                     # what Runner.Worker itself needs, and nobody else gets
  - github.com
  - api.github.com
  - "*.actions.githubusercontent.com"
  - "*.blob.core.windows.net"
  - codeload.github.com
)";

// Audit, because a list that nobody has looked at would break a fresh runner's first job. It has a list, so that one
// word makes a policy of it.
inline constexpr const char* kDefaultPolicy =
    R"(# The host's policy for jobs of enrolled runners, until their files in ../runners name another. Written once by
# `weir runner install`, and yours from then on.
#
# In audit mode NOTHING IS REFUSED: what is not on the list is reported. `weir policy suggest --job latest` writes a list
# from what a job did. Where a repository has a policy of its own that blocks, that one holds already.
version: 1
mode: audit
allow:
  # What steps usually need; not tried against the real services.
  - github.com                       # checkout
  - api.github.com
  - codeload.github.com
  - "*.githubusercontent.com"        # release assets, raw files
  #- registry.example.org            # your packages
)";

// Falls towards running nothing: a job that was not begun must not go on, whatever its steps say about `always()`.
// With 65 it was begun, and reaches nothing.
inline constexpr const char* kStartedHook = R"(#!/bin/sh
# Written by `weir runner install`.
'PROGRAM' runner hook started --sensor 'SOCKET' || {
  status=$?
  [ "$status" -eq 65 ] || kill -KILL "$PPID" # Runner.Worker
  exit "$status"
}
)";
inline constexpr const char* kCompletedHook = R"(#!/bin/sh
# Written by `weir runner install`.
exec 'PROGRAM' runner hook completed --sensor 'SOCKET'
)";

}  // namespace weir::cli
