// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bpf/libbpf.h>

namespace weir::lab {

/// Leaves out fmod_ret programs on functions that this kernel does not have, or has with another number of arguments
/// than the program's name ends with (`…_2`). Before load.
void FitToKernel(bpf_object* object);

}  // namespace weir::lab
