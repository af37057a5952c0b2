// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/host.h"

#include <sys/utsname.h>

namespace weir {
namespace {

utsname Uname() {
  utsname names{};
  if (::uname(&names) != 0) names = {};
  return names;
}

}  // namespace

std::string HostName() {
  const utsname names = Uname();
  return names.nodename[0] ? names.nodename : "localhost";
}

std::string KernelRelease() { return Uname().release; }

std::string SensorVersion() { return WEIR_VERSION; }

}  // namespace weir
