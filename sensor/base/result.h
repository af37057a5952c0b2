// SPDX-License-Identifier: Apache-2.0
// Errors as values. Libraries return them and do not log; the application logs once, where it decides.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace weir {

/// What kind of failure, as far as a caller decides by it. The process exit codes of docs/cli.md follow from it.
enum class Code {
  kInvalid,      ///< bad input: flags, policy, wire, file
  kNotFound,     ///< the named thing does not exist
  kExists,       ///< it exists already
  kPrivilege,    ///< missing capability, user or file permission
  kUnsupported,  ///< the kernel or host lacks a feature
  kNotArmed,     ///< enforcement could not be proven
  kUnavailable,  ///< a peer or service is away; trying again may help
  kExhausted,    ///< a bound was reached
  kInternal,     ///< a fault of Weir
};

/// A failure: `what` is one sentence for the user that names place, reason and, where there is one, the remedy.
struct Error {
  Code code = Code::kInternal;
  int sys_errno = 0;  ///< errno of the system call that failed; 0: none
  std::string what;

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename T = void>
using Result = tl::expected<T, Error>;

/// `return Fail(Code::kInvalid, "…");`
[[nodiscard]] inline tl::unexpected<Error> Fail(Code code, std::string what, int sys_errno = 0) {
  return tl::unexpected<Error>(Error{code, sys_errno, std::move(what)});
}

/// A failed system call: appends strerror. EPERM and EACCES become kPrivilege. Pass errno at once, before other calls.
[[nodiscard]] tl::unexpected<Error> FailErrno(std::string_view doing, int sys_errno);

/// Stable lower-case keyword, e.g. "not-armed"; for JSON and logs.
[[nodiscard]] std::string_view CodeName(Code code);

}  // namespace weir

// Propagates an error: `WEIR_TRY(Close(fd));`, also of a named result. The only macro of the code base that hides a
// return.
#define WEIR_TRY(expression)                                                \
  do {                                                                      \
    if (auto&& weir_result = (expression); !weir_result) {                  \
      return tl::unexpected<::weir::Error>(std::move(weir_result).error()); \
    }                                                                       \
  } while (false)
