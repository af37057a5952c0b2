// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/lab/fit.h"

#include <bpf/btf.h>

#include <memory>
#include <string_view>

namespace weir::lab {

void FitToKernel(bpf_object* object) {
  constexpr std::string_view kPrefix = "fmod_ret/";
  const std::unique_ptr<btf, decltype(&btf__free)> kernel(btf__load_vmlinux_btf(), &btf__free);
  if (!kernel) return;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view section = bpf_program__section_name(program);
    if (!section.starts_with(kPrefix)) continue;
    const char* function = section.data() + kPrefix.size();
    if (btf__find_by_name_kind(kernel.get(), function, BTF_KIND_FUNC) < 0) bpf_program__set_autoload(program, false);
  }
}

}  // namespace weir::lab
