// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/host.h"

#include <sys/utsname.h>

#include <string_view>

namespace weir {
namespace {

utsname Uname() {
  utsname names{};
  if (::uname(&names) != 0) names = {};
  return names;
}

}  // namespace

std::string HostName() { return SensorNameOf(Uname().nodename); }

std::string SensorNameOf(std::string name) {
  for (char& c : name) {
    if (!IsSensorNameByte(c)) c = '-';  // "(none)", where nobody named the host
  }
  return name.empty() ? "localhost" : name;
}

bool IsSensorNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("._:@-").find(c) != std::string_view::npos;
}

std::string KernelRelease() { return Uname().release; }

std::string SensorVersion() { return WEIR_VERSION; }

}  // namespace weir
