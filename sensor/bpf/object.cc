// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/object.h"

#include <bpf/bpf.h>
#include <egress.skel.h>
#include <fallback.skel.h>
#include <guard.skel.h>
#include <process.skel.h>

#include <cstdarg>
#include <cstdio>
#include <utility>

#include "sensor/base/fd.h"

namespace weir::sensor_bpf {
namespace {

// libbpf has one print callback for the process, so the text of each thread's current load goes by a thread-local
// pointer; outside a load libbpf is mute, because libraries do not log.
thread_local std::string* libbpf_text = nullptr;

int CaptureText(libbpf_print_level level, const char* format, va_list args) {
  if (libbpf_text == nullptr || level != LIBBPF_WARN) return 0;
  constexpr std::size_t kKeptBytes = 16384;
  char line[4096];
  const int length = std::vsnprintf(line, sizeof(line), format, args);
  if (length > 0) libbpf_text->append(line, std::min<std::size_t>(static_cast<std::size_t>(length), sizeof(line) - 1));
  if (libbpf_text->size() > kKeptBytes) libbpf_text->erase(0, libbpf_text->size() - kKeptBytes);
  return length;
}

class TextCapture {
 public:
  TextCapture() {
    libbpf_set_print(CaptureText);
    libbpf_text = &text_;
  }
  ~TextCapture() { libbpf_text = nullptr; }
  TextCapture(const TextCapture&) = delete;
  TextCapture& operator=(const TextCapture&) = delete;

  /// The end of what libbpf said: the reason stands in the last lines.
  [[nodiscard]] std::string Tail() const {
    constexpr std::size_t kShown = 2000;
    return text_.size() <= kShown ? text_ : "…" + text_.substr(text_.size() - kShown);
  }

 private:
  std::string text_;
};

// How the skeletons are called, so that Load is written once.
struct Egress {
  using Type = weir_egress;
  static constexpr const char* kName = "egress";
  static Type* Open(const bpf_object_open_opts* options) { return weir_egress__open_opts(options); }
  static int Load(Type* skeleton) { return weir_egress__load(skeleton); }
  static void Destroy(void* skeleton) { weir_egress__destroy(static_cast<Type*>(skeleton)); }
};

struct Process {
  using Type = weir_process;
  static constexpr const char* kName = "process";
  static Type* Open(const bpf_object_open_opts* options) { return weir_process__open_opts(options); }
  static int Load(Type* skeleton) { return weir_process__load(skeleton); }
  static void Destroy(void* skeleton) { weir_process__destroy(static_cast<Type*>(skeleton)); }
};

struct Guard {
  using Type = weir_guard;
  static constexpr const char* kName = "guard";
  static Type* Open(const bpf_object_open_opts* options) { return weir_guard__open_opts(options); }
  static int Load(Type* skeleton) { return weir_guard__load(skeleton); }
  static void Destroy(void* skeleton) { weir_guard__destroy(static_cast<Type*>(skeleton)); }
};

struct Fallback {
  using Type = weir_fallback;
  static constexpr const char* kName = "fallback";
  static Type* Open(const bpf_object_open_opts* options) { return weir_fallback__open_opts(options); }
  static int Load(Type* skeleton) { return weir_fallback__load(skeleton); }
  static void Destroy(void* skeleton) { weir_fallback__destroy(static_cast<Type*>(skeleton)); }
};

Result<> SizeRing(bpf_object* object, const char* name, const LoadOptions& options, std::uint32_t bytes) {
  bpf_map* ring = bpf_object__find_map_by_name(object, name);
  if (ring == nullptr) return {};
  // A pinned ring is taken as it is: its readers' position and unread records are in it.
  Fd pinned(bpf_obj_get((options.pin_directory / name).c_str()));
  if (pinned) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(pinned.get(), &info, &length) != 0) {
      return FailErrno(std::string("cannot look at the pinned ring ") + name, errno);
    }
    bytes = info.max_entries;
  }
  if (bytes == 0) return {};
  if (const int failed = bpf_map__set_max_entries(ring, bytes); failed != 0) {
    return FailErrno(std::string("cannot set the size of ring ") + name, -failed);
  }
  return {};
}

tl::unexpected<Error> FailLoad(const char* name, int sys_errno, const TextCapture& text) {
  std::string what = std::string("cannot load the ") + name + " programs";
  Code code = Code::kUnsupported;  // the verifier or CO-RE found something missing in this kernel
  if (sys_errno == EPERM || sys_errno == EACCES) {
    // The verifier says EACCES, too: only a log without its words is about privilege.
    if (sys_errno == EPERM || text.Tail().find("BEGIN PROG LOAD LOG") == std::string::npos) code = Code::kPrivilege;
  } else if (sys_errno == ENOMEM) {
    code = Code::kExhausted;
  }
  auto failure = FailErrno(what, sys_errno);
  Error error = std::move(failure).value();
  error.code = code;
  if (const std::string tail = text.Tail(); !tail.empty()) error.what += "\n" + tail;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace

template <typename Skeleton>
Result<Object> Object::Load(const LoadOptions& options, const std::set<std::string>& without) {
  TextCapture text;
  const std::string pin_root = options.pin_directory.string();
  bpf_object_open_opts open{};
  open.sz = sizeof(open);
  open.pin_root_path = pin_root.c_str();
  errno = 0;
  typename Skeleton::Type* skeleton = Skeleton::Open(&open);
  if (skeleton == nullptr) return FailLoad(Skeleton::kName, errno, text);
  Owner owner(skeleton, Skeleton::Destroy);
  if constexpr (requires { skeleton->rodata->weir_name_seed; }) skeleton->rodata->weir_name_seed = options.name_seed;
  for (const std::string& name : without) {
    if (bpf_program* program = bpf_object__find_program_by_name(skeleton->obj, name.c_str()))
      bpf_program__set_autoload(program, false);
  }
  WEIR_TRY(SizeRing(skeleton->obj, "weir_events", options, options.events_ring_bytes));
  WEIR_TRY(SizeRing(skeleton->obj, "weir_denials", options, options.denials_ring_bytes));
  // libbpf raises RLIMIT_MEMLOCK by itself on kernels that still charge it (before 5.11).
  if (const int failed = Skeleton::Load(skeleton); failed != 0) return FailLoad(Skeleton::kName, -failed, text);
  return Object(std::move(owner), skeleton->obj);
}

Result<Object> Object::LoadEgress(const LoadOptions& options) { return Load<Egress>(options); }
Result<Object> Object::LoadProcess(const LoadOptions& options) { return Load<Process>(options); }
Result<Object> Object::LoadFallback(const LoadOptions& options) { return Load<Fallback>(options); }
Result<Object> Object::LoadGuard(const LoadOptions& options, const std::set<std::string>& without) {
  return Load<Guard>(options, without);
}

std::vector<bpf_program*> Object::Programs() const {
  std::vector<bpf_program*> programs;
  for (bpf_program* program = bpf_object__next_program(object_, nullptr); program != nullptr;
       program = bpf_object__next_program(object_, program)) {
    if (bpf_program__fd(program) >= 0) programs.push_back(program);
  }
  return programs;
}

}  // namespace weir::sensor_bpf
