// SPDX-License-Identifier: Apache-2.0
#include "policy/yaml_tree.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <memory>
#include <sstream>

#include "policy/policy.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

constexpr std::size_t kMaxDepth = 16;  // the language needs 6

struct Lines {
  explicit Lines(const std::string& text) : rows(Split(text, '\n')) {}
  // From line and column, both from 0. Empty beyond the end.
  [[nodiscard]] std::string_view From(int line, int column) const {
    if (line < 0 || column < 0 || static_cast<std::size_t>(line) >= rows.size()) return {};
    const std::string_view row = rows[static_cast<std::size_t>(line)];
    return static_cast<std::size_t>(column) < row.size() ? row.substr(static_cast<std::size_t>(column))
                                                         : std::string_view();
  }
  std::vector<std::string_view> rows;
};

// A bound was passed; thrown through yaml-cpp, whose event interface has no other way to stop.
struct TooMuch {
  YAML::Mark mark;
  std::string reason;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const Lines& lines, const std::string& file, FaultSink* faults)
      : lines_(lines), file_(file), faults_(faults) {
    open_.push_back(std::make_unique<YamlNode>());
    open_.back()->kind = YamlNode::Kind::kList;
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ == 1) first_document_ = mark;
    if (documents_ != 2) return;
    // For some texts (a comma in front) yaml-cpp begins document after document without reading on.
    if (mark.pos == first_document_.pos) {
      faults_->Error(
          At(mark),
          "not valid YAML: `" + Printable(lines_.From(mark.line, mark.column).substr(0, 1)) + "` cannot stand here",
          "begin the file with `version: 1`");
    } else {
      faults_->Error(At(mark), "a second YAML document", "a policy is one document: remove `---` and what follows it");
    }
  }
  /// One document is a policy and a second one a fault: nothing is read behind it.
  [[nodiscard]] bool WantsMore() const { return documents_ < 2; }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node = Make(mark, "", anchor);
    PlaceNull(&node);
    Add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    YamlNode node = Make(mark, "", 0);
    node.faulty = true;
    faults_->Error(At(mark), "an alias (`*name`)",
                   "write the value out: policies have no anchors and aliases; a "
                   "wildcard endpoint needs quotes");
    Add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode node = Make(mark, tag, anchor);
    node.kind = YamlNode::Kind::kScalar;
    node.quoted = tag == "!";
    node.value = value;
    const std::string_view source = lines_.From(mark.line, mark.column + (node.quoted ? 1 : 0));
    node.literal = source.starts_with(value);
    if (node.quoted) last_quoted_ = mark;
    Add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

  // What has been read of the first document, also after an exception.
  YamlNode Take() {
    while (open_.size() > 1) Close();
    CheckLastQuote();
    return open_[0]->items.empty() ? YamlNode{} : std::move(open_[0]->items[0]);
  }

 private:
  [[nodiscard]] Position At(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  YamlNode Make(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    if (++nodes_ > kMaxPolicyNodes) throw TooMuch{mark, "more than " + std::to_string(kMaxPolicyNodes) + " values"};
    YamlNode node;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    if (anchor != 0) {
      faults_->Error(At(mark), "an anchor (`&name`)",
                     "write the value out where it is needed: policies have no anchors");
    }
    if (!tag.empty() && tag != "?" && tag != "!") {
      faults_->Error(At(mark), "a YAML tag (`" + Printable(tag) + "`)", "remove it: policies have no tags");
      node.faulty = true;
    }
    return node;
  }

  // yaml-cpp gives an absent value the place of what follows it, which may be lines below.
  void PlaceNull(YamlNode* node) const {
    const std::string_view rest = lines_.From(node->line - 1, node->column - 1);
    if (rest.starts_with('~') || Lower(rest.substr(0, 4)) == "null") return;
    const YamlNode& parent = *open_.back();
    if (parent.kind == YamlNode::Kind::kMap && parent.items.size() % 2 != 0) {
      node->line = parent.items.back().line;
      node->column = parent.items.back().column;
      return;
    }
    for (int line = node->line - 1; line >= 0; --line) {
      std::string_view row = lines_.From(line, 0);
      if (line == node->line - 1) row = row.substr(0, static_cast<std::size_t>(node->column) - 1);
      const std::size_t text = row.find_first_not_of(' ');
      if (text == row.npos || row[text] == '#') continue;
      node->line = line + 1;
      node->column = static_cast<int>(row.find_last_not_of(' ')) + 1;
      return;
    }
  }

  void Add(YamlNode node) { open_.back()->items.push_back(std::move(node)); }

  void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (open_.size() > kMaxDepth) throw TooMuch{mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels"};
    auto node = std::make_unique<YamlNode>(Make(mark, tag, anchor));
    node->kind = kind;
    open_.push_back(std::move(node));
  }

  void Close() {
    std::unique_ptr<YamlNode> node = std::move(open_.back());
    open_.pop_back();
    if (node->kind == YamlNode::Kind::kMap && node->items.size() % 2 != 0) node->items.emplace_back().faulty = true;
    Add(std::move(*node));
  }

  // yaml-cpp takes the end of the file for the closing quote; everything behind a forgotten quote would be one value.
  void CheckLastQuote() {
    if (last_quoted_.is_null()) return;
    const std::string_view first = lines_.From(last_quoted_.line, last_quoted_.column);
    if (first.empty() || (first[0] != '"' && first[0] != '\'')) return;
    const char quote = first[0];
    int column = last_quoted_.column + 1;
    for (int line = last_quoted_.line; static_cast<std::size_t>(line) < lines_.rows.size(); ++line, column = 0) {
      const std::string_view row = lines_.From(line, column);
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (row[i] == '\\' && quote == '"')
          ++i;
        else if (row[i] == quote && quote == '\'' && i + 1 < row.size() && row[i + 1] == quote)
          ++i;
        else if (row[i] == quote)
          return;
      }
    }
    faults_->Error(At(last_quoted_), "a quote that is never closed", std::string("add the closing `") + quote + "`");
  }

  const Lines& lines_;
  const std::string& file_;
  FaultSink* faults_;
  std::vector<std::unique_ptr<YamlNode>> open_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  YAML::Mark first_document_;
  YAML::Mark last_quoted_ = YAML::Mark::null_mark();
};

bool IsUnquotedWildcard(std::string_view rest) { return rest.starts_with("*"); }

bool IsUnquotedIpv6(std::string_view row) {
  const std::size_t open = row.find('[');
  if (open == row.npos) return false;
  const std::size_t close = row.find(']', open);
  return close != row.npos && row.substr(open + 1, close - open - 1).find(':') != row.npos &&
         row.find_first_not_of("0123456789abcdefABCDEF:./%", open + 1) == close;
}

std::string WordAt(std::string_view rest, const char* ends) {
  return std::string(rest.substr(0, rest.find_first_of(ends)));
}

// The fault behind an exception. True: the text was changed so that parsing again finds further faults.
bool Explain(const YAML::Exception& error, const std::string& file, std::string* text, FaultSink* faults) {
  const Lines lines(*text);
  // Some errors are found at the end of the file, one line behind the last.
  const int line = std::min(error.mark.line, static_cast<int>(lines.rows.size()) - 1);
  const Position at{file, std::max(line, 0) + 1, std::max(error.mark.column, 0) + 1};
  const std::string_view rest = lines.From(line, error.mark.column), row = lines.From(line, 0);
  if (IsUnquotedWildcard(rest)) {
    faults->Error(at, "a value that begins with `*` must stand in quotes (YAML reads it as an alias)",
                  "write `\"" + Printable(WordAt(rest, " \t,]}#")) + "\"`");
    (*text)[static_cast<std::size_t>(rest.data() - text->data())] = 'w';  // same columns, no alias
    return true;
  }
  if (IsUnquotedIpv6(row)) {
    const std::size_t open = row.find('[');
    faults->Error({file, at.line, static_cast<int>(open) + 1},
                  "an IPv6 endpoint must stand in quotes (YAML reads `[` as a list)",
                  "write `\"" + Printable(WordAt(row.substr(open), " \t,#\"")) + "\"`");
    const std::size_t begin = static_cast<std::size_t>(row.data() - text->data()) + open;
    for (std::size_t i = begin; i < begin + row.size() - open; ++i) (*text)[i] = i == begin ? 'w' : ' ';
    return true;
  }
  faults->Error(at, "not valid YAML: " + error.msg,
                "check quotes, colons and indentation of this line and the one above");
  return false;
}

}  // namespace

YamlNode ParseYaml(const std::string& text, const std::string& file, FaultSink* faults) {
  constexpr int kMaxRecoveries = 20;  // each parses the file again
  std::string current = text;
  for (int attempt = 0;; ++attempt) {
    const Lines lines(current);
    FaultSink found;
    TreeBuilder builder(lines, file, &found);
    bool again = false;
    try {
      std::istringstream stream(current);
      YAML::Parser parser(stream);
      while (builder.WantsMore() && parser.HandleNextDocument(builder)) {
      }
    } catch (const TooMuch& bound) {
      found.Error({file, bound.mark.line + 1, bound.mark.column + 1}, bound.reason, "split the policy or simplify it");
    } catch (const YAML::Exception& error) {
      std::string changed = current;
      again = Explain(error, file, &changed, faults) && attempt < kMaxRecoveries;
      if (again) {
        current = std::move(changed);
        continue;
      }
    }
    YamlNode tree = builder.Take();
    for (Fault& fault : found.Take()) faults->Add(std::move(fault));
    return tree;
  }
}

std::string Describe(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull: return "nothing";
    case YamlNode::Kind::kScalar: return node.quoted ? "text" : "`" + Printable(node.value.substr(0, 40)) + "`";
    case YamlNode::Kind::kList: return "a list";
    case YamlNode::Kind::kMap: return "a map";
  }
  return "nothing";
}

}  // namespace weir::policy
