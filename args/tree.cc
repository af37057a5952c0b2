// SPDX-License-Identifier: Apache-2.0
#include "args/tree.h"

#include <CLI/CLI.hpp>

namespace weir::args {
namespace {

// CLI11 tells the values of CLI::IsMember only in the text of the type: "MODE:{audit,block}".
std::vector<std::string> ChoicesIn(const std::string& type) {
  const std::size_t open = type.find('{');
  const std::size_t close = type.find('}', open == std::string::npos ? 0 : open);
  if (open == std::string::npos || close == std::string::npos) return {};
  return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

Operand OperandOf(const CLI::Option& option, const std::string& type) {
  if (option.get_items_expected_max() == 0) return Operand::kNone;
  if (type.starts_with("FILE")) return Operand::kFile;
  if (type.starts_with("DIR")) return Operand::kDirectory;
  return Operand::kText;
}

Flag FlagOf(const CLI::Option& option) {
  Flag flag;
  for (const auto& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const auto& name : option.get_lnames()) flag.names.push_back("--" + name);
  if (flag.names.empty()) flag.positional = option.get_name(true);
  const std::string type = option.get_type_name();
  flag.operand = OperandOf(option, type);
  flag.choices = ChoicesIn(type);
  flag.meta = type.substr(0, type.find(':'));  // CLI11 writes what it checks behind a colon
  if (!flag.choices.empty()) {
    flag.meta.clear();
    for (const auto& choice : flag.choices) flag.meta += (flag.meta.empty() ? "" : "|") + choice;
  }
  flag.description = option.get_description();
  flag.usual = option.get_default_str();
  flag.repeats = flag.operand != Operand::kNone && option.get_expected_max() > 1;
  return flag;
}

}  // namespace

std::string Flag::Usage() const {
  if (!positional.empty()) return positional + (repeats ? "..." : "");
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  if (operand != Operand::kNone) out += " " + meta;
  return out + (repeats ? "  (may be repeated)" : "");
}

Node TreeOf(const CLI::App& app) {
  Node node{.name = app.get_name(), .description = app.get_description(), .flags = {}, .children = {}};
  for (const CLI::Option* option : app.get_options()) node.flags.push_back(FlagOf(*option));
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; })) {
    node.children.push_back(TreeOf(*child));
  }
  return node;
}

}  // namespace weir::args
