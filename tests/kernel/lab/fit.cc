// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/fit.h"

#include <bpf/btf.h>

#include <memory>
#include <string_view>

namespace weir::lab {
namespace {

bool Fits(const btf* kernel, std::string_view program, const char* function) {
  const int id = btf__find_by_name_kind(kernel, function, BTF_KIND_FUNC);
  if (id < 0) return false;
  const btf_type* type = btf__type_by_id(kernel, static_cast<__u32>(id));
  const btf_type* prototype = type ? btf__type_by_id(kernel, type->type) : nullptr;
  if (!prototype || program.size() < 2 || program[program.size() - 2] != '_') return prototype != nullptr;
  return btf_vlen(prototype) == program.back() - '0';
}

}  // namespace

void FitToKernel(bpf_object* object) {
  constexpr std::string_view kPrefix = "fmod_ret/";
  const std::unique_ptr<btf, decltype(&btf__free)> kernel(btf__load_vmlinux_btf(), &btf__free);
  if (!kernel) return;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!section.starts_with(kPrefix)) continue;
    const char* function = section.data() + kPrefix.size();
    if (!Fits(kernel.get(), bpf_program__name(program), function)) bpf_program__set_autoload(program, false);
  }
}

}  // namespace weir::lab
