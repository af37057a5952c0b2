// SPDX-License-Identifier: Apache-2.0
// From arguments to what is to be done.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "args/tree.h"
#include "collector/cli/term/screen.h"

namespace weir::cli {

using args::Flag;
using args::Node;

/// Either `action` is set, or there is only text to print (help, a usage error) and the code to exit with.
struct Parsed {
  std::function<int()> action;
  std::string out;
  std::string err;
  int exit_code = 0;
};

/// `arguments` without the program's name. Does nothing else but parse; the action keeps alive what it needs.
[[nodiscard]] Parsed Parse(const std::vector<std::string>& arguments, const Screen& out, const Screen& err);

/// The whole tree of commands, for completions.
[[nodiscard]] Node ProgramTree();

}  // namespace weir::cli
