// SPDX-License-Identifier: Apache-2.0
// Shell completions, generated from the tree of commands so that they cannot fall behind it.
#pragma once

#include <string>

#include "args/tree.h"

namespace weir::cli {

using args::Flag;
using args::Node;
using args::Operand;

/// Scripts to be sourced; `root` is the program. After `--` each completes commands and files, as the shell would.
[[nodiscard]] std::string BashCompletion(const Node& root);
[[nodiscard]] std::string ZshCompletion(const Node& root);
[[nodiscard]] std::string FishCompletion(const Node& root);

}  // namespace weir::cli
