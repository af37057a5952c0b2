// SPDX-License-Identifier: Apache-2.0
// The commands and flags of a CLI11 tree as plain values: what help pages and completions are made from.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace weir::args {

enum class Operand {
  kNone,  ///< a switch
  kText,
  kFile,
  kDirectory,
};

struct Flag {
  std::vector<std::string> names;  ///< "--job", "-o"; empty for a positional
  std::string positional;          ///< its name, e.g. "FILE"
  Operand operand = Operand::kNone;
  std::string meta;                  ///< what the operand is called: "FILE", "audit|block"
  std::vector<std::string> choices;  ///< all values that are taken; empty: any
  std::string description;
  std::string usual = {};  ///< what it is when it is not given, where the option tells
  bool repeats = false;

  /// "-o, --output FILE", "FILE...".
  [[nodiscard]] std::string Usage() const;
};

struct Node {
  std::string name;
  std::string description;
  std::vector<Flag> flags = {};
  std::vector<Node> children = {};
};

[[nodiscard]] Node TreeOf(const CLI::App& app);

}  // namespace weir::args
