// SPDX-License-Identifier: Apache-2.0
#include "policy/source.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "policy/policy.h"
#include "policy/text.h"

namespace weir::policy {
namespace {

// One fault of a kind is enough for what usually fills a whole file.
struct Seen {
  bool crlf = false, lone_cr = false;
};

void CheckLine(std::string_view line, Position at, Seen* seen, FaultSink* faults) {
  const std::size_t indent = std::min(line.find_first_not_of(" \t"), line.size());
  if (const std::size_t tab = line.substr(0, indent).find('\t'); tab != line.npos && indent != line.size()) {
    at.column = static_cast<int>(tab) + 1;
    faults->Error(at, "a tab in the indentation", "indent with spaces: YAML does not allow tabs there");
  }
  for (std::size_t i = 0; i < line.size();) {
    const auto point = DecodeUtf8(line, i);
    at.column = static_cast<int>(i) + 1;
    if (!point) {
      faults->Error(at, "not UTF-8: byte " + Printable(line.substr(i, 1)), "save the file as UTF-8");
      return;
    }
    if (point->value == '\r') {
      if (!seen->lone_cr) {
        faults->Error(at, "a carriage return inside a line: editors show a new line where YAML has none",
                      "remove it; end lines with a line feed only");
      }
      seen->lone_cr = true;
    } else if (point->value != '\t' && IsDeceptive(point->value)) {
      faults->Error(at, "a control or invisible character (" + Printable(line.substr(i, point->bytes)) + ")",
                    "remove it: what reviewers see must be what is enforced");
      return;
    }
    i += point->bytes;
  }
}

}  // namespace

void FaultSink::Add(Fault fault) {
  if (fault.severity == Severity::kError) ++errors_;
  // Errors must never be crowded out by warnings: a policy with an error is not enforced.
  if (faults_.size() < kMaxFaults || (fault.severity == Severity::kError && errors_ == 1)) {
    faults_.push_back(std::move(fault));
    return;
  }
  if (left_out_++ == 0) first_left_out_ = std::move(fault);
}

std::vector<Fault> FaultSink::Take() {
  std::map<std::string, std::size_t> order;
  for (const Fault& fault : faults_) order.emplace(fault.file, order.size());
  std::stable_sort(faults_.begin(), faults_.end(), [&](const Fault& a, const Fault& b) {
    return std::tuple(order[a.file], a.line, a.column) < std::tuple(order[b.file], b.line, b.column);
  });
  if (left_out_ > 0) {
    faults_.push_back(MakeFault({first_left_out_.file, first_left_out_.line, first_left_out_.column},
                                std::to_string(left_out_) + " more faults are not shown",
                                "correct those above and check again", first_left_out_.severity));
  }
  return std::move(faults_);
}

std::string CheckBytes(std::string_view text, const std::string& file, FaultSink* faults) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    faults->Error({file, 1, 1}, "the file is UTF-16", "save it as UTF-8 without byte order mark");
    return {};
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    faults->Warn({file, 1, 1}, "the file begins with a byte order mark", "save it as UTF-8 without byte order mark");
    text.remove_prefix(3);
  }
  std::string out;
  out.reserve(text.size());
  Seen seen;
  int number = 0;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    ++number;
    if (end != text.size() && line.ends_with('\r')) {
      line.remove_suffix(1);
      if (!seen.crlf) {
        faults->Warn({file, number, static_cast<int>(line.size()) + 1}, "lines end with CR LF",
                     "save the file with LF line ends (`dos2unix`, or `* text eol=lf` in .gitattributes)");
      }
      seen.crlf = true;
    }
    CheckLine(line, {file, number, 1}, &seen, faults);
    out += line;
    if (end != text.size()) out += '\n';
    start = end + 1;
  }
  return out;
}

}  // namespace weir::policy
