// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/map.h"

namespace weir::sensor_bpf {

tl::unexpected<Error> FailMap(const char* doing, const char* map, int sys_errno) {
  if (sys_errno == E2BIG || sys_errno == ENOSPC || sys_errno == ENOMEM) {
    return Fail(Code::kExhausted,
                std::string("cannot ") + doing + " the kernel table " + map + ": " +
                    (sys_errno == ENOMEM ? "the kernel has no memory for it" : "it is full"),
                sys_errno);
  }
  return FailErrno(std::string("cannot ") + doing + " the kernel table " + map, sys_errno);
}

}  // namespace weir::sensor_bpf
