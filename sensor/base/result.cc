// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/result.h"

#include <cstring>

namespace weir {

tl::unexpected<Error> FailErrno(std::string_view doing, int sys_errno) {
  const Code code = (sys_errno == EPERM || sys_errno == EACCES) ? Code::kPrivilege
                    : (sys_errno == ENOENT)                     ? Code::kNotFound
                                                                : Code::kInternal;
  std::string what(doing);
  what += ": ";
  what += std::strerror(sys_errno);
  return Fail(code, std::move(what), sys_errno);
}

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not-found";
    case Code::kExists: return "exists";
    case Code::kPrivilege: return "privilege";
    case Code::kUnsupported: return "unsupported";
    case Code::kNotArmed: return "not-armed";
    case Code::kUnavailable: return "unavailable";
    case Code::kExhausted: return "exhausted";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

}  // namespace weir
