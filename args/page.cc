// SPDX-License-Identifier: Apache-2.0
#include "args/page.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <utility>

#include "args/tree.h"

namespace weir::args {
namespace {

constexpr std::size_t kUsualColumns = 80;
constexpr std::size_t kMostColumns = 100;  // longer lines are hard to read
constexpr std::size_t kIndent = 4;

// Appends `text` broken at blanks, each line indented. One word a line at worst.
void Wrap(std::string& out, const std::string& text, std::size_t indent, std::size_t columns) {
  std::istringstream words(text);
  std::string line;
  const auto flush = [&] {
    if (!line.empty()) out += std::string(indent, ' ') + line + '\n';
    line.clear();
  };
  for (std::string word; words >> word;) {
    if (!line.empty() && indent + line.size() + 1 + word.size() > columns) flush();
    line += (line.empty() ? "" : " ") + word;
  }
  flush();
}

void Prose(std::string& out, const std::string& text, std::size_t columns) {
  std::istringstream lines(text);
  std::string paragraph;
  const auto flush = [&] {
    Wrap(out, paragraph, kIndent, columns);
    paragraph.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == ' ') {
      flush();
      out += line.empty() ? "\n" : std::string(kIndent, ' ') + line.substr(1) + '\n';
    } else {
      paragraph += line + ' ';
    }
  }
  flush();
}

// Breaks a synopsis between its parts, never within brackets.
void Synopsis(std::string& out, const std::string& text, std::size_t columns) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::string row(kIndent, ' ');
    std::string part;
    int depth = 0;
    const auto flush = [&] {
      const bool fresh = row.find_first_not_of(' ') == std::string::npos;
      if (!fresh && row.size() + 1 + part.size() > columns) {
        out += row + '\n';
        row.assign(2 * kIndent, ' ');
        row += part;
      } else {
        row += (fresh ? "" : " ") + part;
      }
      part.clear();
    };
    for (const char c : line) {
      depth += c == '[' ? 1 : c == ']' ? -1 : 0;
      if (c == ' ' && depth == 0) {
        if (!part.empty()) flush();
      } else {
        part += c;
      }
    }
    if (!part.empty()) flush();
    out += row + '\n';
  }
}

// Lines "TERM  meaning", the meanings aligned.
void Terms(std::string& out, const std::string& text, std::size_t columns) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t gap = line.find("  ");
    out += std::string(kIndent, ' ') + line.substr(0, gap) + '\n';
    if (gap != std::string::npos) Wrap(out, line.substr(gap), 2 * kIndent, columns);
  }
}

void Options(std::string& out, const Node& node, std::size_t columns) {
  for (const Flag& flag : node.flags) {
    out += std::string(kIndent, ' ') + flag.Usage() + '\n';
    const std::string end = flag.description.ends_with('.') ? "" : ".";
    const std::string usual = flag.usual.empty() ? "" : end + " Default: " + flag.usual;
    Wrap(out, flag.description + usual, 2 * kIndent, columns);
  }
}

void Commands(std::string& out, const Node& node, std::size_t columns) {
  std::size_t widest = 0;
  for (const Node& child : node.children) widest = std::max(widest, child.name.size());
  for (const Node& child : node.children) {
    std::string wrapped;
    Wrap(wrapped, child.description, kIndent + widest + 2, columns);
    wrapped.replace(0, kIndent + child.name.size(), std::string(kIndent, ' ') + child.name);
    out += wrapped;
  }
}

class ManualFormatter : public CLI::FormatterBase {
 public:
  ManualFormatter(Page page, std::size_t columns) : page_(std::move(page)), columns_(columns) {}

  std::string make_help(const CLI::App* app, std::string /*previous*/, CLI::AppFormatMode /*mode*/) const override {
    const Node node = TreeOf(*app);
    std::string out = "NAME\n";
    Wrap(out, FullName(*app) + " - " + node.description, kIndent, columns_);
    const auto section = [&](std::string_view title, bool present, const auto& write) {
      if (!present) return;
      out += "\n" + std::string(title) + "\n";
      write();
    };
    section("SYNOPSIS", !page_.synopsis.empty(), [&] { Synopsis(out, page_.synopsis, columns_); });
    section("DESCRIPTION", !page_.description.empty(), [&] { Prose(out, page_.description, columns_); });
    section("COMMANDS", !node.children.empty(), [&] { Commands(out, node, columns_); });
    section("OPTIONS", !node.flags.empty(), [&] { Options(out, node, columns_); });
    for (const auto& [title, text] : page_.further)
      section(title, true, [&, &prose = text] { Prose(out, prose, columns_); });
    section("EXIT STATUS", !page_.exit_status.empty(), [&] { Terms(out, page_.exit_status, columns_); });
    section("ENVIRONMENT", !page_.environment.empty(), [&] { Terms(out, page_.environment, columns_); });
    section("FILES", !page_.files.empty(), [&] { Terms(out, page_.files, columns_); });
    section("EXAMPLES", !page_.examples.empty(), [&] {
      std::istringstream lines(page_.examples);
      for (std::string line; std::getline(lines, line);) out += std::string(kIndent, ' ') + line + '\n';
    });
    section("SEE ALSO", !page_.see_also.empty(), [&] { Prose(out, page_.see_also, columns_); });
    return out;
  }

 private:
  Page page_;
  std::size_t columns_;
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> ManualPage(Page page, int columns) {
  const std::size_t wanted = columns <= 0 ? kUsualColumns : static_cast<std::size_t>(columns);
  return std::make_shared<ManualFormatter>(std::move(page), std::min(wanted, kMostColumns));
}

std::string FullName(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : FullName(*parent) + " " + app.get_name();
}

}  // namespace weir::args
