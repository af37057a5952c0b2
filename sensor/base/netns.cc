// SPDX-License-Identifier: Apache-2.0
#include "sensor/base/netns.h"

#include <sched.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "sensor/base/thread.h"

namespace weir {

Result<Fd> MakeInNetns(int netns_fd, const std::function<Result<Fd>()>& make) {
  if (netns_fd < 0) return make();
  Result<Fd> made = Fail(Code::kInternal, "not run");
  const auto run = [&] {
    if (setns(netns_fd, CLONE_NEWNET)) {
      made = FailErrno("enter the job's network namespace", errno);
    } else {
      made = make();
    }
  };
  // A job can use up the host's threads. That must cost a lookup, not the sensor.
  try {
    StartThread("weir-netns", run).join();
  } catch (const std::system_error& error) {
    return Fail(Code::kExhausted, std::string("start a thread in the job's network namespace: ") + error.what(),
                error.code().value());
  }
  return made;
}

}  // namespace weir
