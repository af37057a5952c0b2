// SPDX-License-Identifier: Apache-2.0
// Exit codes (docs/cli.md). A wrapped command's own status goes before all of them once the command ran.
#pragma once

#include "sensor/base/result.h"

namespace weir::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;     ///< anything else that went wrong
inline constexpr int kExitDenied = 10;    ///< denied egress with --fail-on-deny
inline constexpr int kExitUsage = 64;     ///< flags, names of jobs and files on the command line
inline constexpr int kExitPolicy = 65;    ///< the policy is not valid
inline constexpr int kExitNotArmed = 69;  ///< enforcement or a service that the command needs is not there
inline constexpr int kExitCannot = 77;    ///< missing privilege or kernel feature

/// The exit code that a failure leads to when no better one is known at the place.
[[nodiscard]] constexpr int ExitCodeOf(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kNotFound: return kExitUsage;
    case Code::kPrivilege:
    case Code::kUnsupported: return kExitCannot;
    case Code::kNotArmed:
    case Code::kUnavailable: return kExitNotArmed;
    case Code::kExists:
    case Code::kExhausted:
    case Code::kInternal: return kExitFailed;
  }
  return kExitFailed;
}

/// `weir run`: the command's status, unless it succeeded and denied egress is to fail.
[[nodiscard]] constexpr int ExitCodeOfRun(int command_status, bool any_denied, bool fail_on_deny) {
  return command_status == 0 && any_denied && fail_on_deny ? kExitDenied : command_status;
}

}  // namespace weir::cli
