// SPDX-License-Identifier: Apache-2.0
// Owner of what runs in the kernel: the skeletons, their links and their pins.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"
#include "sensor/bpf/guard_loader.h"
#include "sensor/bpf/link.h"
#include "sensor/bpf/map.h"
#include "sensor/bpf/object.h"
#include "sensor/bpf/pin_directory.h"

namespace weir::sensor_bpf {

struct ProgramsOptions {
  std::filesystem::path cgroup_root;
  std::filesystem::path pin_directory;
  std::uint32_t events_ring_bytes = 0;  ///< 0: as built. An adopted ring keeps its size
  std::uint32_t denials_ring_bytes = 0;
};

/// What stands in for the guard's programs on kernel functions where the host takes none of them.
struct Fallback {
  bool runs = false;
  std::string why_not;  ///< it should, and does not
};

struct ProgramInfo {
  std::string name;
  std::string tag;     ///< 16 hex digits
  std::string attach;  ///< "cgroup/connect4", "raw_tp/sched_process_exec"
  bool attached = false;
  bool resting = false;  ///< loaded, and not attached while no job needs it
};

/// Is the guard's program in one of the kernel's busiest places, where it is attached only while a job lives?
[[nodiscard]] bool RestsWithoutJobs(std::string_view program);

/// Everything may be called from any thread. The destructor closes descriptors and leaves the pins: what is attached
/// stays attached, until Remove().
class Programs {
 public:
  /// Checks the host, loads, attaches and pins. When an earlier sensor's pins are there, its maps are used and its
  /// links are replaced without a gap. A failure on a fresh start leaves nothing behind; a failure on adoption leaves
  /// the earlier programs running.
  [[nodiscard]] static Result<Programs> Open(const ProgramsOptions& options);

  /// Detaches and unpins everything. Only without jobs.
  [[nodiscard]] Result<> Remove();

  /// Were an earlier sensor's maps taken over?
  [[nodiscard]] bool adopted() const { return adopted_; }
  [[nodiscard]] std::uint64_t name_seed() const { return name_seed_; }
  [[nodiscard]] const std::filesystem::path& pin_directory() const { return pins_.path(); }

  /// The next scope id; never given twice while the pins live.
  [[nodiscard]] Result<std::uint32_t> NextScopeId();

  /// -1: no such map. The fd stays ours.
  [[nodiscard]] int MapFd(std::string_view name) const;

  /// Programs of the guard that do not run here, and why.
  [[nodiscard]] const std::vector<NotLoaded>& missing_guards() const { return missing_guards_; }

  /// Lets go of the guard's programs in the kernel's busiest places (opening, looking up a path, signals, sockets):
  /// every task of the host passes them, and an empty program there costs some percent already. Only without jobs;
  /// before Linux 5.13 nothing rests. The links stay attached until the caller closes what it gets, which takes about
  /// 0.1 s for each; before Rouse, which would find them busy.
  [[nodiscard]] std::vector<Fd> Rest();
  /// Attaches them again. One that fails is reported by Describe as not attached, and tried again the next time.
  void Rouse();

  [[nodiscard]] const Fallback& fallback() const { return fallback_; }
  /// Attaches the fallback, or takes it off: it costs every system call of the host a little. Begins attached. Nothing
  /// to do where it does not run.
  [[nodiscard]] Result<> KeepFallback(bool attached);

  /// As the kernel has them now.
  [[nodiscard]] std::vector<ProgramInfo> Describe() const;

 private:
  Programs(PinDirectory pins, Fd cgroup) : pins_(std::move(pins)), cgroup_(std::move(cgroup)) {}
  Result<> Load(const ProgramsOptions& options);
  Result<> OpenMarker();
  Result<> WriteMarker();
  Result<> AttachAll(const Object& object);
  Result<> LoadGuard(const LoadOptions& load);
  void LoadFallback(const LoadOptions& load);
  Result<> DropUnknownLinks();

  PinDirectory pins_;
  Fd cgroup_;
  AttachPoint at_;
  Fd marker_;
  bool adopted_ = false;
  std::uint64_t name_seed_ = 0;
  std::optional<Object> egress_;
  std::optional<Object> process_;
  std::optional<Object> guard_;
  std::vector<NotLoaded> missing_guards_;
  std::unique_ptr<std::mutex> links_mutex_ = std::make_unique<std::mutex>();
  std::vector<Link> links_;  ///< guarded by links_mutex_
  Fallback fallback_;
  std::optional<Object> fallback_object_;
  std::vector<Link> fallback_links_;                                        ///< the same; empty: not attached
  std::unique_ptr<std::mutex> scope_ids_ = std::make_unique<std::mutex>();  ///< guards the marker's next_scope_id
};

/// A view of one of the programs' maps, which must outlive it.
template <typename K, typename V>
[[nodiscard]] Result<> BindMap(const Programs& programs, const char* name, Map<K, V>& map) {
  const int fd = programs.MapFd(name);
  if (fd < 0) return Fail(Code::kInternal, std::string("the programs have no table ") + name);
  map = Map<K, V>(fd, name);
  return {};
}

}  // namespace weir::sensor_bpf
