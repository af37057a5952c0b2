// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/programs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>

#include "bpf/abi.h"
#include "sensor/bpf/features.h"
#include "sensor/bpf/fit.h"

namespace weir::sensor_bpf {
namespace {

// Pinned last on a fresh start: a pin directory without it is the ruin of a start that did not come to its end, and is
// cleared. Only the sensor reads and writes it.
constexpr const char* kMarkerName = "weir_marker";

/// On kernel functions that every task comes by all the time. Each costs about 5 ms to attach (Linux 6.1), which the
/// first job after a rest pays.
constexpr std::array<std::string_view, 7> kBusy = {"weir_g_cgroup", "weir_g_open",    "weir_g_kill", "weir_g_socket",
                                                   "weir_g_ioctl",  "weir_g_ioctl32", "weir_g_setns"};

struct Marker {
  std::uint64_t name_seed = 0;
  std::uint32_t abi_version = 0;
  std::uint32_t next_scope_id = 1;
};

Result<std::uint64_t> RandomSeed() {
  std::uint64_t seed = 0;
  if (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) return FailErrno("cannot get random bytes", errno);
  return seed;
}

// Scopes of whichever ABI: their number is all that is asked, and keys of weir_scopes have always been __u32.
bool HasScopes(const PinDirectory& pins) {
  Fd scopes(bpf_obj_get(pins.MapPath("weir_scopes").c_str()));
  std::uint32_t any = 0;
  return scopes && bpf_map_get_next_key(scopes.get(), nullptr, &any) == 0;
}

}  // namespace

bool RestsWithoutJobs(std::string_view program) {
  return std::find(kBusy.begin(), kBusy.end(), program) != kBusy.end();
}

Result<Programs> Programs::Open(const ProgramsOptions& options) {
  WEIR_TRY(CheckPrivileges());
  WEIR_TRY(CheckKernel(options.cgroup_root));
  Fd cgroup(::open(options.cgroup_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return FailErrno("cannot open the cgroup root " + options.cgroup_root.string(), errno);
  struct stat info {};
  if (::fstat(cgroup.get(), &info) != 0) return FailErrno("cannot look at the cgroup root", errno);
  auto pins = PinDirectory::Open(options.pin_directory);
  if (!pins) return tl::unexpected<Error>(std::move(pins).error());

  Programs programs(std::move(*pins), std::move(cgroup));
  programs.at_ = AttachPoint{programs.cgroup_.get(), info.st_ino};
  WEIR_TRY(programs.OpenMarker());
  if (auto loaded = programs.Load(options); !loaded) {
    Error error = std::move(loaded).error();
    if (!programs.adopted_) {
      if (auto removed = programs.Remove(); !removed) error.what += "; and " + removed.error().what;
    }
    return tl::unexpected<Error>(std::move(error));
  }
  return programs;
}

Result<> Programs::OpenMarker() {
  marker_.Reset(bpf_obj_get(pins_.MapPath(kMarkerName).c_str()));
  if (marker_) {
    Marker marker;
    const std::uint32_t zero = 0;
    if (bpf_map_lookup_elem(marker_.get(), &zero, &marker) != 0)
      return FailErrno("cannot read the pinned marker", errno);
    if (marker.abi_version == WEIR_ABI_VERSION) {
      adopted_ = true;
      name_seed_ = marker.name_seed;
      return {};
    }
    if (HasScopes(pins_)) {
      return Fail(Code::kUnsupported, "jobs run under programs of ABI version " + std::to_string(marker.abi_version) +
                                          ", this sensor speaks version " + std::to_string(WEIR_ABI_VERSION) +
                                          ": end them with the sensor that began them");
    }
    marker_.Reset();
  }
  WEIR_TRY(pins_.RemovePins());
  auto seed = RandomSeed();
  if (!seed) return tl::unexpected<Error>(std::move(seed).error());
  name_seed_ = *seed;
  return {};
}

Result<> Programs::Load(const ProgramsOptions& options) {
  const LoadOptions load{pins_.path(), options.events_ring_bytes, options.denials_ring_bytes, name_seed_};
  auto process = Object::LoadProcess(load);
  if (!process) return tl::unexpected<Error>(std::move(process).error());
  process_.emplace(std::move(*process));
  auto egress = Object::LoadEgress(load);
  if (!egress) return tl::unexpected<Error>(std::move(egress).error());
  egress_.emplace(std::move(*egress));

  const std::filesystem::path links = pins_.path() / "links";
  if (::mkdir(links.c_str(), 0700) != 0 && errno != EEXIST) return FailErrno("cannot make " + links.string(), errno);
  WEIR_TRY(AttachAll(*process_));
  WEIR_TRY(AttachAll(*egress_));
  WEIR_TRY(LoadGuard(load));
  WEIR_TRY(DropUnknownLinks());
  return adopted_ ? Result<>() : WriteMarker();
}

Result<> Programs::AttachAll(const Object& object) {
  for (bpf_program* program : object.Programs()) {
    auto link = AttachPinned(program, at_, pins_.LinkPath(bpf_program__name(program)));
    if (!link) return tl::unexpected<Error>(std::move(link).error());
    links_.push_back(std::move(*link));
  }
  return {};
}

// What a kernel does not take of the guard is said, and is no reason not to judge traffic.
Result<> Programs::LoadGuard(const LoadOptions& load) {
  auto loaded = sensor_bpf::LoadGuard(load);
  WEIR_TRY(loaded);
  missing_guards_ = std::move(loaded->missing);
  guard_.emplace(std::move(loaded->object));
  for (bpf_program* program : guard_->Programs()) {
    const std::string name = bpf_program__name(program);
    auto link = AttachPinned(program, at_, pins_.LinkPath(name));
    if (link) {
      links_.push_back(std::move(*link));
    } else {
      missing_guards_.push_back({name, link.error().what});
    }
  }
  const bool on_functions =
      std::any_of(links_.begin(), links_.end(), [](const Link& link) { return !FunctionOf(link.attach).empty(); });
  if (!on_functions) LoadFallback(load);
  return {};
}

// The weaker guard is no reason not to judge traffic either.
void Programs::LoadFallback(const LoadOptions& load) {
  auto loaded = Object::LoadFallback(load);
  Result<> done;
  if (loaded) {
    fallback_object_.emplace(std::move(*loaded));
    done = KeepFallback(true);
  } else {
    done = tl::unexpected<Error>(std::move(loaded).error());
  }
  fallback_ = done ? Fallback{true, ""} : Fallback{false, done.error().what.substr(0, done.error().what.find('\n'))};
}

Result<> Programs::KeepFallback(bool attached) {
  if (!fallback_object_) return {};
  const std::lock_guard lock(*links_mutex_);
  if (attached == !fallback_links_.empty()) return {};
  std::vector<Link> links;
  for (bpf_program* program : fallback_object_->Programs()) {
    const std::string pin = pins_.LinkPath(bpf_program__name(program));
    if (!attached) {
      if (::unlink(pin.c_str()) != 0 && errno != ENOENT) return FailErrno("cannot unpin " + pin, errno);
      continue;
    }
    auto link = AttachPinned(program, at_, pin);
    WEIR_TRY(link);
    links.push_back(std::move(*link));
  }
  fallback_links_ = std::move(links);
  return {};
}

// An earlier version may have had programs that this one has not; they must not judge beside ours.
Result<> Programs::DropUnknownLinks() {
  std::set<std::string> known;
  for (const auto* links : {&links_, &fallback_links_})
    for (const Link& link : *links) known.insert(link.program);
  for (const std::string& name : pins_.Links()) {
    if (known.contains(name)) continue;
    if (::unlink(pins_.LinkPath(name).c_str()) != 0) return FailErrno("cannot drop the old link " + name, errno);
  }
  return {};
}

Result<> Programs::WriteMarker() {
  marker_.Reset(bpf_map_create(BPF_MAP_TYPE_ARRAY, kMarkerName, sizeof(std::uint32_t), sizeof(Marker), 1, nullptr));
  if (!marker_) return FailErrno("cannot make the pinned marker", errno);
  const Marker marker{name_seed_, WEIR_ABI_VERSION, 1};
  const std::uint32_t zero = 0;
  if (bpf_map_update_elem(marker_.get(), &zero, &marker, BPF_ANY) != 0)
    return FailErrno("cannot write the marker", errno);
  if (bpf_obj_pin(marker_.get(), pins_.MapPath(kMarkerName).c_str()) != 0) {
    return FailErrno("cannot pin the marker", errno);
  }
  return {};
}

Result<> Programs::Remove() {
  // Where unpinning fails, everything still runs, and the next sensor can adopt it.
  const std::vector<Link> in_cgroups = TakeCgroupLinks(links_);
  const Fd unpinned = CloseLinksElsewhere(std::exchange(links_, {}));
  WEIR_TRY(pins_.Remove());
  DetachNow(in_cgroups);
  fallback_links_.clear();
  fallback_object_.reset();
  guard_.reset();
  egress_.reset();
  process_.reset();
  marker_.Reset();
  return {};
}

Result<std::uint32_t> Programs::NextScopeId() {
  const std::lock_guard lock(*scope_ids_);
  Marker marker;
  const std::uint32_t zero = 0;
  if (bpf_map_lookup_elem(marker_.get(), &zero, &marker) != 0) return FailErrno("cannot read the marker", errno);
  const std::uint32_t id = marker.next_scope_id++;
  // WEIR_RULE_LOCAL and its like do not live here, but 0 means "outside", and wrapping would reuse.
  if (id == 0) return Fail(Code::kExhausted, "every scope id was used; end all jobs and restart the sensor");
  if (bpf_map_update_elem(marker_.get(), &zero, &marker, BPF_ANY) != 0)
    return FailErrno("cannot write the marker", errno);
  return id;
}

int Programs::MapFd(std::string_view name) const {
  const std::string wanted(name);
  for (const auto* object : {&egress_, &process_, &guard_}) {
    if (!*object) continue;
    if (const int fd = bpf_object__find_map_fd_by_name((*object)->get(), wanted.c_str()); fd >= 0) return fd;
  }
  return -1;
}

std::vector<Fd> Programs::Rest() {
  const std::lock_guard lock(*links_mutex_);
  std::vector<Fd> released;
  for (Link& link : links_) {
    if (link.resting || !RestsWithoutJobs(link.program)) continue;
    if (!CanAttachAgain(bpf_object__find_program_by_name(guard_->get(), link.program.c_str()))) continue;
    if (::unlink(pins_.LinkPath(link.program).c_str()) != 0) continue;  // it goes on as it is
    released.push_back(std::exchange(link.fd, Fd()));
    link.resting = true;
  }
  return released;
}

void Programs::Rouse() {
  const std::lock_guard lock(*links_mutex_);
  for (Link& link : links_) {
    if (!link.resting && link.fd) continue;  // one that failed before is tried again
    link.resting = false;
    bpf_program* program = bpf_object__find_program_by_name(guard_->get(), link.program.c_str());
    if (auto attached = AttachPinned(program, at_, pins_.LinkPath(link.program))) link = std::move(*attached);
  }
}

std::vector<ProgramInfo> Programs::Describe() const {
  const std::lock_guard lock(*links_mutex_);
  std::vector<ProgramInfo> programs;
  for (const auto* links : {&links_, &fallback_links_}) {
    for (const Link& link : *links)
      programs.push_back({link.program, link.tag, link.attach, !link.resting && IsAttached(link, at_), link.resting});
  }
  return programs;
}

}  // namespace weir::sensor_bpf
