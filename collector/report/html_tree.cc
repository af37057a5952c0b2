// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "collector/report/escape.h"
#include "collector/report/html_parts.h"
#include "collector/report/refused.h"
#include "collector/report/words.h"

namespace weir::report::html {
namespace {

// Browsers stop nesting at 512 elements; a level takes three.
constexpr int kMaxDepth = 100;
constexpr std::size_t kMaxNodes = 2000;
// So many quiet children of one program and without children of their own become one line.
constexpr std::size_t kGroup = 4;
constexpr int kOpenDepth = 2;

class Tree {
 public:
  explicit Tree(const JobReport& report) : report_(report), refused_below_(report.processes.size()) {
    // Children come after their parents, so one pass from the end adds everything up.
    for (std::size_t i = report.processes.size(); i-- > 0;) {
      const Process& process = report.processes[i];
      refused_below_[i] += process.stored.flows_denied;
      if (process.parent != Process::kNone) refused_below_[process.parent] += refused_below_[i];
    }
  }

  std::string Render() {
    out_ = "<ul class=\"tree\">";
    Children(report_.roots, 0);
    out_ += "</ul>";
    if (drawn_ < report_.processes.size()) {
      out_ += "<p class=\"more\">" + Grouped(drawn_) + " of " + Plural(report_.processes.size(), "process image") +
              " are drawn; all are in the JSON report.</p>";
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool IsQuietLeaf(std::size_t i) const {
    return report_.processes[i].children.empty() && refused_below_[i] == 0;
  }

  void Children(const std::vector<std::size_t>& children, int depth) {
    std::map<std::string_view, std::vector<std::size_t>> groups;
    for (const std::size_t i : children) {
      if (IsQuietLeaf(i)) groups[report_.processes[i].stored.exec.executable].push_back(i);
    }
    for (const std::size_t i : children) {
      if (drawn_ >= kMaxNodes) return;
      const auto group = IsQuietLeaf(i) ? groups.find(report_.processes[i].stored.exec.executable) : groups.end();
      if (group == groups.end() || group->second.size() < kGroup) {
        Node(i, depth);
      } else if (group->second.front() == i) {
        Group(group->first, group->second.size());
      }
    }
  }

  void Group(std::string_view executable, std::size_t count) {
    drawn_ += count;
    out_ += "<li><div class=\"leaf\">" + Code(BaseName(executable)) + " <span class=\"meta\">× " + Grouped(count) +
            "</span></div></li>";
  }

  void Node(std::size_t i, int depth) {
    ++drawn_;
    const Process& process = report_.processes[i];
    out_ += "<li>";
    if (process.children.empty()) {
      out_ += "<div class=\"leaf\">" + Line(i) + "</div>";
    } else if (depth >= kMaxDepth) {
      out_ +=
          "<div class=\"leaf\">" + Line(i) + " <span class=\"meta\">deeper processes: see the JSON report</span></div>";
    } else {
      const bool open = depth < kOpenDepth || refused_below_[i] != 0;
      out_ += std::string("<details") + (open ? " open" : "") + "><summary>" + Line(i) + "</summary><ul>";
      Children(process.children, depth + 1);
      out_ += "</ul></details>";
    }
    out_ += "</li>";
  }

  /// Of another step than the process above it.
  [[nodiscard]] bool BeginsStep(std::size_t i) const {
    const Process& process = report_.processes[i];
    const std::uint32_t number = process.stored.step.number;
    return number != 0 &&
           (process.parent == Process::kNone || report_.processes[process.parent].stored.step.number != number);
  }

  [[nodiscard]] std::string Line(std::size_t i) const {
    const store::StoredExec& stored = report_.processes[i].stored;
    const store::Exec& exec = stored.exec;
    const std::string_view shown = exec.executable.empty() ? std::string_view(exec.comm) : BaseName(exec.executable);
    std::string line = "<strong>" + Code(shown, 60) + "</strong>";
    if (exec.arguments.size() > 1) {
      line += " " + Code(CommandLine(std::span(exec.arguments).subspan(1)), 140);
    }
    if (BeginsStep(i))
      line += " <span class=\"tag plain\">step " + Code(StepText(stored.step.number, stored.step.name), 80) + "</span>";
    if (stored.flows_denied != 0)
      line += " <span class=\"tag bad\">✕ " + Grouped(stored.flows_denied) + " refused</span>";
    if (exec.memfd) line += " <span class=\"tag warn\">memory file</span>";
    if (exec.deleted && !exec.memfd) line += " <span class=\"tag warn\">deleted file</span>";
    if (exec.tmpfs) line += " <span class=\"tag plain\">on tmpfs</span>";
    if (exec.entered) line += " <span class=\"tag plain\">joined</span>";
    // Nothing to cut in what joined before it executed anything.
    if (exec.arguments_truncated && !exec.entered) line += " <span class=\"tag plain\">arguments cut</span>";
    return line + " <span class=\"meta\">pid " + std::to_string(exec.pid) + Outcome(stored) + "</span>";
  }

  /// wait(2) status in words.
  static std::string Outcome(const store::StoredExec& stored) {
    if (stored.exit_ns == 0) return "";
    const std::uint32_t signal = stored.wait_status & 0x7f;
    const std::string took = ", " + Duration(std::max<std::int64_t>(stored.exit_ns - stored.time_ns, 0));
    if (signal != 0) return took + ", killed by signal " + std::to_string(signal);
    const std::uint32_t code = stored.wait_status >> 8 & 0xff;
    return code == 0 ? took : took + ", exit " + std::to_string(code);
  }

  const JobReport& report_;
  std::vector<std::uint64_t> refused_below_;  // of a process and its descendants
  std::size_t drawn_ = 0;
  std::string out_;
};

}  // namespace

std::string ProcessTree(const JobReport& report) { return Tree(report).Render(); }

}  // namespace weir::report::html
