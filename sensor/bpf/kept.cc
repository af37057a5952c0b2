// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/kept.h"

#include <bpf/bpf.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string_view>
#include <system_error>
#include <utility>

#include "sensor/bpf/pin_directory.h"

namespace weir::sensor_bpf {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMap = "map.";
constexpr std::string_view kLink = "link.";

/// Programs of the guard that are let go while no job lives, and attached again: a copy of the link that somebody keeps
/// would hold them in place. To close the last one of a program on a function takes long, too; the service manager is
/// PID 1.
bool ComesAndGoes(const Fd& fd, const std::string& name) {
  constexpr std::string_view kFallback = "weir_fb_";
  bpf_link_info info{};
  std::uint32_t length = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd.get(), &info, &length) != 0) return true;
  return info.type == BPF_LINK_TYPE_TRACING || name.starts_with(kFallback);
}

void OpenAll(const fs::path& directory, std::string_view kind, std::vector<KeptFd>& kept) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.is_directory(ignored)) continue;
    Fd fd(bpf_obj_get(entry.path().c_str()));
    const std::string name = entry.path().filename().string();
    if (!fd || (kind == kLink && ComesAndGoes(fd, name))) continue;
    kept.push_back({std::string(kind) + name, std::move(fd)});
  }
}

/// Where it was pinned; empty: it is none of ours.
fs::path PlaceOf(const PinDirectory& pins, const std::string& name) {
  const bool plain = name.find('/') == std::string::npos;
  if (plain && name.starts_with(kMap)) return pins.MapPath(name.substr(kMap.size()));
  if (plain && name.starts_with(kLink)) return pins.LinkPath(name.substr(kLink.size()));
  return {};
}

}  // namespace

std::vector<KeptFd> OpenPins(const fs::path& pin_directory) {
  std::vector<KeptFd> kept;
  OpenAll(pin_directory, kMap, kept);
  OpenAll(pin_directory / "links", kLink, kept);
  return kept;
}

Result<std::size_t> RestorePins(const fs::path& pin_directory, const std::vector<KeptFd>& kept) {
  const bool ours = std::any_of(kept.begin(), kept.end(), [](const KeptFd& one) { return one.name.starts_with(kMap); });
  if (!ours) return 0;
  auto pins = PinDirectory::Open(pin_directory);
  WEIR_TRY(pins);
  std::error_code ignored;
  if (!fs::is_empty(pin_directory, ignored)) return 0;
  const fs::path links = pins->path() / "links";
  if (::mkdir(links.c_str(), 0700) != 0) return FailErrno("cannot make " + links.string(), errno);
  std::size_t restored = 0;
  for (const KeptFd& one : kept) {
    const fs::path place = PlaceOf(*pins, one.name);
    if (place.empty()) continue;
    if (bpf_obj_pin(one.fd.get(), place.c_str()) != 0) {
      const int failed = errno;
      static_cast<void>(pins->RemovePins());
      return FailErrno("cannot pin " + place.string() + " again", failed);
    }
    ++restored;
  }
  return restored;
}

}  // namespace weir::sensor_bpf
