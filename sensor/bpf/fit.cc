// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/fit.h"

#include <bpf/btf.h>

#include <memory>

namespace weir::sensor_bpf {
namespace {

constexpr std::string_view kFmodRet = "fmod_ret/";

/// How many arguments the program is for; -1: it does not matter.
int ArgumentsOf(std::string_view program) {
  if (program.size() < 2 || program[program.size() - 2] != '_') return -1;
  const char digit = program.back();
  return digit >= '0' && digit <= '9' ? digit - '0' : -1;
}

const btf_type* PrototypeOf(const btf* kernel, const std::string& function) {
  const int id = btf__find_by_name_kind(kernel, function.c_str(), BTF_KIND_FUNC);
  const btf_type* type = id < 0 ? nullptr : btf__type_by_id(kernel, static_cast<__u32>(id));
  return type == nullptr ? nullptr : btf__type_by_id(kernel, type->type);
}

}  // namespace

std::string_view FunctionOf(std::string_view section) {
  return section.starts_with(kFmodRet) ? section.substr(kFmodRet.size()) : std::string_view();
}

void ForEachUnfit(bpf_object* object, const std::function<void(bpf_program*, const std::string&)>& visit) {
  const std::unique_ptr<btf, void (*)(btf*)> kernel(btf__load_vmlinux_btf(), btf__free);
  if (!kernel) return;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string function(FunctionOf(bpf_program__section_name(program)));
    if (function.empty()) continue;
    const btf_type* prototype = PrototypeOf(kernel.get(), function);
    const int arguments = ArgumentsOf(bpf_program__name(program));
    if (prototype == nullptr) {
      visit(program, "this kernel has no function " + function);
    } else if (arguments >= 0 && btf_vlen(prototype) != arguments) {
      visit(program, "");
    }
  }
}

void FitToKernel(bpf_object* object) {
  ForEachUnfit(object, [](bpf_program* program, const std::string&) { bpf_program__set_autoload(program, false); });
}

}  // namespace weir::sensor_bpf
