// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/host/places.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "sensor/base/fd.h"

namespace weir::cli {
namespace {

std::string Variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

std::string UsualStateDirectory() {
  if (geteuid() == 0) return "/var/lib/weir";
  const std::string home = Variable("HOME", "/nonexistent");
  return Variable("XDG_STATE_HOME", home + "/.local/state") + "/weir";
}

}  // namespace

Places Places::FromEnvironment() {
  Places places;
  places.cgroup_root = Variable("WEIR_CGROUP_ROOT", "");
  places.pin_dir = Variable("WEIR_PIN_DIR", "/sys/fs/bpf/weir");
  places.state_dir = Variable("WEIR_STATE_DIR", UsualStateDirectory());
  places.sensor_socket = Variable("WEIR_SENSOR_SOCKET", "/run/weir/sensor.sock");
  places.collector_socket = Variable("WEIR_COLLECTOR_SOCKET", "/run/weir/collector.sock");
  return places;
}

Result<> ProbeSocket(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return Fail(Code::kInvalid, path + ": too long for the path of a socket");
  std::copy(path.begin(), path.end(), address.sun_path);
  const Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return FailErrno("making a socket", errno);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return {};
  if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) {
    return Fail(Code::kUnavailable, "nothing answers on " + path, errno);
  }
  return FailErrno("connecting to " + path, errno);
}

}  // namespace weir::cli
