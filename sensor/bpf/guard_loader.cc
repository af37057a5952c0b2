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
  std::set<std::string> without;
  std::vector<NotLoaded> missing;
  ForEachUnfit(opened->obj, [&](bpf_program* program, const std::string& why) {
    without.insert(bpf_program__name(program));
    if (!why.empty()) missing.push_back({bpf_program__name(program), why});
  });
  while (true) {
    auto object = Object::LoadGuard(options, without);
    if (object) return LoadedGuard{std::move(*object), std::move(missing)};
    const Error& error = object.error();
    const std::string failed = ProgramOfFailure(error.what);
    if (failed.empty() || without.contains(failed)) return tl::unexpected<Error>(std::move(object).error());
    without.insert(failed);
    missing.push_back({failed, error.what.substr(0, error.what.find('\n'))});
  }
}

}  // namespace weir::sensor_bpf
