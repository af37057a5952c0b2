// SPDX-License-Identifier: Apache-2.0
#include "sensor/guard/deputies.h"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace weir::guard {
namespace {

// Patterns of glob(7), relative to the root. /var/run is /run everywhere that matters.
constexpr std::array kPlaces = {
    // engines: a container can have any network and any mount
    "run/docker.sock",
    "run/docker/*.sock",
    "run/containerd/containerd.sock",
    "run/containerd/*/*.sock",
    "run/crio/crio.sock",
    "run/podman/podman.sock",
    "run/buildkit/buildkitd.sock",
    "run/k3s/containerd/containerd.sock",
    "run/cri-dockerd.sock",
    "run/user/*/docker.sock",
    "run/user/*/podman/podman.sock",
    "run/user/*/containerd-rootless/*.sock",
    "var/snap/lxd/common/lxd/unix.socket",
    "var/lib/lxd/unix.socket",
    "var/lib/incus/unix.socket",
    "run/libvirt/*-sock",
    "run/libvirt/*/*-sock",
    // the service manager and its bus: systemd-run, D-Bus activation
    "run/dbus/system_bus_socket",
    "run/systemd/private",
    "run/systemd/io.systemd.*",
    "run/systemd/machine/*",
    "run/systemd/userdb/io.systemd.*",
    "run/user/*/bus",
    "run/user/*/systemd/private",
    "run/snapd.socket",
    "run/snapd-snap.socket",
    // resolvers that ask on others' behalf
    "run/systemd/resolve/io.systemd.Resolve*",
    "run/nscd/socket",
    "run/avahi-daemon/socket",
    "run/unbound.ctl",
    "run/tailscale/tailscaled.sock",
};

bool IsSocket(const char* path) {
  struct stat file {};
  return ::stat(path, &file) == 0 && S_ISSOCK(file.st_mode);
}

}  // namespace

std::vector<std::filesystem::path> FindDeputies(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> found;
  for (const char* place : kPlaces) {
    glob_t matches{};
    if (::glob((root / place).c_str(), 0, nullptr, &matches) == 0) {
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
        if (IsSocket(matches.gl_pathv[i])) found.emplace_back(matches.gl_pathv[i]);
      }
    }
    ::globfree(&matches);
  }
  return found;
}

bool IsNameService(const std::filesystem::path& deputy) {
  constexpr std::array<std::string_view, 4> kDirectories = {"userdb", "resolve", "nscd", "avahi-daemon"};
  const std::string directory = deputy.parent_path().filename().string();
  return std::find(kDirectories.begin(), kDirectories.end(), directory) != kDirectories.end();
}

}  // namespace weir::guard
