// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/guard_loader.h"

#include <bpf/btf.h>
#include <guard.skel.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

namespace weir::sensor_bpf {
namespace {

constexpr std::string_view kFmodRet = "fmod_ret/";

struct ProgramName {
  std::string name;
  std::string function;  ///< that it hangs on; empty: none
};

/// The object's programs, without loading anything.
std::vector<ProgramName> AllPrograms() {
  std::vector<ProgramName> programs;
  const std::unique_ptr<weir_guard, void (*)(weir_guard*)> skeleton(weir_guard__open(), weir_guard__destroy);
  if (!skeleton) return programs;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton->obj) {
    const std::string_view section = bpf_program__section_name(program);
    programs.push_back({bpf_program__name(program),
                        section.starts_with(kFmodRet) ? std::string(section.substr(kFmodRet.size())) : std::string()});
  }
  return programs;
}

/// libbpf fails a whole object for one function that a kernel has not.
void LeaveOutUnknownFunctions(const std::vector<ProgramName>& programs, std::set<std::string>& without,
                              std::vector<NotLoaded>& missing) {
  const std::unique_ptr<btf, void (*)(btf*)> kernel(btf__load_vmlinux_btf(), btf__free);
  if (!kernel) return;
  for (const ProgramName& program : programs) {
    if (program.function.empty() || btf__find_by_name_kind(kernel.get(), program.function.c_str(), BTF_KIND_FUNC) > 0)
      continue;
    without.insert(program.name);
    missing.push_back({program.name, "this kernel has no function " + program.function});
  }
}

}  // namespace

std::string ProgramOfFailure(const std::string& words) {
  // "libbpf: prog 'NAME': failed to load: -22"
  constexpr std::string_view kBefore = "prog '";
  const std::size_t failed = words.rfind("': failed to load");
  if (failed == std::string::npos) return {};
  const std::size_t begin = words.rfind(kBefore, failed);
  if (begin == std::string::npos) return {};
  return words.substr(begin + kBefore.size(), failed - begin - kBefore.size());
}

Result<LoadedGuard> LoadGuard(const LoadOptions& options) {
  const std::vector<ProgramName> programs = AllPrograms();
  std::set<std::string> without;
  std::vector<NotLoaded> missing;
  LeaveOutUnknownFunctions(programs, without, missing);
  while (true) {
    auto object = Object::LoadGuard(options, without);
    if (object) return LoadedGuard{std::move(*object), std::move(missing)};
    const Error error = object.error();
    const std::string failed = ProgramOfFailure(error.what);
    bool is_tracing = false;
    for (const ProgramName& program : programs) is_tracing |= program.name == failed && !program.function.empty();
    if (failed.empty() || without.contains(failed)) return tl::unexpected<Error>(std::move(object).error());
    const bool all = is_tracing && error.code == Code::kPrivilege;
    for (const ProgramName& program : programs) {
      if (without.contains(program.name)) continue;
      if (program.name != failed && !(all && !program.function.empty())) continue;
      without.insert(program.name);
      missing.push_back({program.name, all ? "this host refuses programs on kernel functions (fmod_ret)"
                                           : error.what.substr(0, error.what.find('\n'))});
    }
  }
}

}  // namespace weir::sensor_bpf
