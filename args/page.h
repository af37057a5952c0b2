// SPDX-License-Identifier: Apache-2.0
// `--help` with the parts of a manual page, of every program of Weir. deploy/manual.awk makes manual pages of it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace CLI {
class App;
class FormatterBase;
}  // namespace CLI

namespace weir::args {

/// What CLI11 does not know about a command. Paragraphs are separated by empty lines and wrapped; lines that begin with
/// a blank are kept as they are. Empty parts are left out.
struct Page {
  std::string synopsis;  ///< one line a form; required
  std::string description;
  std::string exit_status;  ///< lines "CODE  meaning"
  std::string environment;  ///< lines "NAME  meaning"
  std::string files;        ///< lines "PATH  meaning"
  std::string examples;     ///< verbatim lines
  std::string see_also = {};
  std::vector<std::pair<std::string, std::string>> further = {};  ///< titles and texts, behind the options
};

/// Prints `page` around the options and commands of an app. `columns` 0: 80.
[[nodiscard]] std::shared_ptr<CLI::FormatterBase> ManualPage(Page page, int columns);

/// "weir job begin".
[[nodiscard]] std::string FullName(const CLI::App& app);

}  // namespace weir::args
