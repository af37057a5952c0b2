// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/netns.h"

#include <sched.h>

#include <cerrno>

#include "sensor/base/thread.h"

namespace weir {

Result<Fd> MakeInNetns(int netns_fd, const std::function<Result<Fd>()>& make) {
  if (netns_fd < 0) return make();
  Result<Fd> made = Fail(Code::kInternal, "not run");
  StartThread("weir-netns", [&] {
    if (setns(netns_fd, CLONE_NEWNET)) {
      made = FailErrno("enter the job's network namespace", errno);
    } else {
      made = make();
    }
  }).join();
  return made;
}

}  // namespace weir
