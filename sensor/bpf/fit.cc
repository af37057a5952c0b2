// SPDX-License-Identifier: Apache-2.0
#include "sensor/bpf/fit.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "sensor/base/fd.h"

namespace weir::sensor_bpf {
namespace {

constexpr std::string_view kFmodRet = "fmod_ret/";

/// How many arguments the program is for; -1: it does not matter.
int ArgumentsOf(std::string_view program) {
  if (program.size() < 2 || program[program.size() - 2] != '_') return -1;
  const char digit = program.back();
  return digit >= '0' && digit <= '9' ? digit - '0' : -1;
}

struct Function {
  std::uint32_t id = 0;  ///< in the kernel's type information; 0: it has no such function
  int arguments = 0;
};
using Functions = std::unordered_map<std::string_view, Function>;

/// Functions that the programs of an object hang on.
Functions WantedBy(bpf_object* object) {
  Functions wanted;
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view function = FunctionOf(bpf_program__section_name(program));
    if (!function.empty()) wanted.emplace(function, Function{});
  }
  return wanted;
}

/// One pass: libbpf's search by name is one for each function, over some 100,000 types.
void LookUp(const btf* kernel, Functions& wanted) {
  const __u32 types = btf__type_cnt(kernel);
  for (__u32 id = 1; id < types; ++id) {
    const btf_type* type = btf__type_by_id(kernel, id);
    if (!btf_is_func(type)) continue;
    const auto found = wanted.find(btf__name_by_offset(kernel, type->name_off));
    if (found == wanted.end()) continue;
    found->second = {id, btf_vlen(btf__type_by_id(kernel, type->type))};
  }
}

/// Does the host refuse every program on a kernel function?
bool Refuses(std::uint32_t function) {
  // r0 = 0; exit
  const std::array<bpf_insn, 2> nothing{{{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
  bpf_prog_load_opts options{};
  options.sz = sizeof(options);
  options.expected_attach_type = BPF_MODIFY_RETURN;
  options.attach_btf_id = function;
  const Fd program(
      bpf_prog_load(BPF_PROG_TYPE_TRACING, "weir_empty", "Dual BSD/GPL", nothing.data(), nothing.size(), &options));
  return !program && (errno == EPERM || errno == EACCES);
}

}  // namespace

std::string_view FunctionOf(std::string_view section) {
  return section.starts_with(kFmodRet) ? section.substr(kFmodRet.size()) : std::string_view();
}

void ForEachUnfit(bpf_object* object, const std::function<void(bpf_program*, const std::string&)>& visit) {
  const std::unique_ptr<btf, void (*)(btf*)> kernel(btf__load_vmlinux_btf(), btf__free);
  if (!kernel) return;
  Functions functions = WantedBy(object);
  LookUp(kernel.get(), functions);
  const auto any = std::find_if(functions.begin(), functions.end(), [](const auto& one) { return one.second.id != 0; });
  const bool refused = any != functions.end() && Refuses(any->second.id);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string_view name = FunctionOf(bpf_program__section_name(program));
    if (name.empty()) continue;
    const Function& function = functions.at(name);
    const int arguments = ArgumentsOf(bpf_program__name(program));
    if (refused) {
      visit(program, "this host refuses programs on kernel functions (fmod_ret)");
    } else if (function.id == 0) {
      visit(program, "this kernel has no function " + std::string(name));
    } else if (arguments >= 0 && function.arguments != arguments) {
      visit(program, "");
    }
  }
}

void FitToKernel(bpf_object* object) {
  ForEachUnfit(object, [](bpf_program* program, const std::string&) { bpf_program__set_autoload(program, false); });
}

}  // namespace weir::sensor_bpf
