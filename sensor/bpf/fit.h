// SPDX-License-Identifier: Apache-2.0
// Programs on kernel functions (fmod_ret) that a kernel can take: libbpf fails a whole object for one that it cannot.
#pragma once

#include <bpf/libbpf.h>

#include <functional>
#include <string>
#include <string_view>

namespace weir::sensor_bpf {

/// Visits the fmod_ret programs of an opened object that this kernel cannot take; all of them where the host refuses
/// such programs, which is tried with an empty one. `why` is empty where another program of the object serves the same
/// function here: one whose name ends with `_2` is for functions of two arguments.
void ForEachUnfit(bpf_object* object, const std::function<void(bpf_program* program, const std::string& why)>& visit);

/// Leaves them out of what will be loaded.
void FitToKernel(bpf_object* object);

/// The function that a program of this section hangs on; empty: none.
[[nodiscard]] std::string_view FunctionOf(std::string_view section);

}  // namespace weir::sensor_bpf
