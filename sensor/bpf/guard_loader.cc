// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/guard_loader.h"

#include <guard.skel.h>

#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "sensor/bpf/fit.h"

namespace weir::sensor_bpf {
namespace {

using Opened = std::unique_ptr<weir_guard, void (*)(weir_guard*)>;

/// Names of the programs on kernel functions.
std::set<std::string> OnFunctions(bpf_object* object) {
  std::set<std::string> names;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (!FunctionOf(bpf_program__section_name(program)).empty()) names.insert(bpf_program__name(program));
  }
  return names;
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
  const Opened opened(weir_guard__open(), weir_guard__destroy);
  if (!opened) return FailErrno("cannot open the guard programs", errno);
  const std::set<std::string> on_functions = OnFunctions(opened->obj);
  std::set<std::string> without;
  std::vector<NotLoaded> missing;
  ForEachUnfit(opened->obj, [&](bpf_program* program, const std::string& why) {
    without.insert(bpf_program__name(program));
    if (!why.empty()) missing.push_back({bpf_program__name(program), why});
  });
  while (true) {
    auto object = Object::LoadGuard(options, without);
    if (object) return LoadedGuard{std::move(*object), std::move(missing)};
    const Error error = object.error();
    const std::string failed = ProgramOfFailure(error.what);
    if (failed.empty() || without.contains(failed)) return tl::unexpected<Error>(std::move(object).error());
    if (on_functions.contains(failed) && error.code == Code::kPrivilege) {
      for (const std::string& name : on_functions) {
        if (without.insert(name).second)
          missing.push_back({name, "this host refuses programs on kernel functions (fmod_ret)"});
      }
    } else {
      without.insert(failed);
      missing.push_back({failed, error.what.substr(0, error.what.find('\n'))});
    }
  }
}

}  // namespace weir::sensor_bpf
