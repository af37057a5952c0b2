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

/// Patterns of glob(7), relative to the root. /var/run is /run everywhere that matters.
struct Place {
  const char* pattern;
  bool escapes = false;
};

constexpr std::array kPlaces = {
    // engines: a container can have any network and any mount
    Place{"run/docker.sock"},
    Place{"run/docker/*.sock"},
    Place{"run/containerd/containerd.sock"},
    Place{"run/containerd/*/*.sock"},
    Place{"run/crio/crio.sock"},
    Place{"run/podman/podman.sock"},
    Place{"run/buildkit/buildkitd.sock"},
    Place{"run/k3s/containerd/containerd.sock"},
    Place{"run/cri-dockerd.sock"},
    Place{"run/user/*/docker.sock"},
    Place{"run/user/*/podman/podman.sock"},
    Place{"run/user/*/containerd-rootless/*.sock"},
    Place{"var/snap/lxd/common/lxd/unix.socket", true},
    Place{"var/lib/lxd/unix.socket", true},
    Place{"var/lib/incus/unix.socket", true},
    Place{"run/libvirt/*-sock", true},
    Place{"run/libvirt/*/*-sock", true},
    // the service manager and its bus: systemd-run, D-Bus activation
    Place{"run/dbus/system_bus_socket", true},
    Place{"run/systemd/private", true},
    Place{"run/systemd/io.systemd.*", true},
    Place{"run/systemd/machine/*", true},
    Place{"run/systemd/userdb/io.systemd.*"},
    Place{"run/user/*/bus", true},
    Place{"run/user/*/systemd/private", true},
    Place{"run/snapd.socket"},
    Place{"run/snapd-snap.socket"},
    // resolvers that ask on others' behalf
    Place{"run/systemd/resolve/io.systemd.Resolve*"},
    Place{"run/nscd/socket"},
    Place{"run/avahi-daemon/socket"},
    Place{"run/unbound.ctl"},
    Place{"run/tailscale/tailscaled.sock"},
};

bool IsSocket(const char* path) {
  struct stat file {};
  return ::stat(path, &file) == 0 && S_ISSOCK(file.st_mode);
}

}  // namespace

std::vector<Deputy> FindDeputies(const std::filesystem::path& root) {
  std::vector<Deputy> found;
  for (const Place& place : kPlaces) {
    glob_t matches{};
    if (::glob((root / place.pattern).c_str(), 0, nullptr, &matches) == 0) {
      for (std::size_t i = 0; i < matches.gl_pathc; ++i) {
        if (IsSocket(matches.gl_pathv[i])) found.push_back({matches.gl_pathv[i], place.escapes});
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
