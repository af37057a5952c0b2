// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/network.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace weir::lab {

bool OwnNetwork(const std::vector<std::string>& addresses) {
  if (unshare(CLONE_NEWNET)) return false;
  const int control = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ioctl(control, SIOCSIFFLAGS, &request) == 0;
  close(control);
  for (const std::string& address : addresses)
    if (std::system(
            ("ip addr add " + address + " dev lo" + (address.find(':') == std::string::npos ? "" : " nodad")).c_str()))
      return false;
  return up;
}

}  // namespace weir::lab
