// SPDX-License-Identifier: Apache-2.0
#include <sys/wait.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "collector/cli/commands/rows.h"
#include "collector/cli/host/child.h"
#include "collector/cli/term/moment.h"
#include "collector/report/escape.h"

namespace weir::cli {
namespace {

// Deeper branches are not drawn: they would push the command lines off every screen. The depth is written instead.
constexpr std::size_t kDrawnDepth = 12;

struct Place {
  const v1::ProcessRow* row;
  std::string branch;
};

std::vector<Place> InOrder(const v1::ListProcessesResponse& processes) {
  std::vector<Place> places;
  for (const auto& row : processes.processes()) places.push_back({&row, ""});
  return places;
}

class TreeOrder {
 public:
  explicit TreeOrder(const v1::ListProcessesResponse& processes) {
    for (const auto& row : processes.processes()) known_.emplace(row.exec().exec_id(), true);
    for (const auto& row : processes.processes()) {
      const auto& exec = row.exec();
      const bool root = exec.parent_exec_id() == exec.exec_id() || !known_.contains(exec.parent_exec_id());
      root ? roots_.push_back(&row) : children_[exec.parent_exec_id()].push_back(&row);
    }
  }

  // With a stack of our own: a job can make chains as deep as it likes.
  std::vector<Place> Walk() {
    struct Open {
      const v1::ProcessRow* row;
      std::string before;  // what stands left of the row's branch
      std::size_t depth;
      bool last;
    };
    std::vector<Place> places;
    std::vector<Open> stack;
    for (auto it = roots_.rbegin(); it != roots_.rend(); ++it) stack.push_back({*it, "", 0, true});
    while (!stack.empty()) {
      const Open open = std::move(stack.back());
      stack.pop_back();
      if (!std::exchange(known_[open.row->exec().exec_id()], false)) continue;  // ids that repeat make no loop
      places.push_back({open.row, Branch(open.before, open.depth, open.last)});
      const auto found = children_.find(open.row->exec().exec_id());
      if (found == children_.end()) continue;
      std::string before;
      if (open.depth > 0 && open.depth <= kDrawnDepth) before = open.before + (open.last ? "   " : "│  ");
      for (std::size_t i = found->second.size(); i > 0; --i) {
        stack.push_back({found->second[i - 1], before, open.depth + 1, i == found->second.size()});
      }
    }
    return places;
  }

 private:
  static std::string Branch(const std::string& before, std::size_t depth, bool last) {
    if (depth == 0) return "";
    const std::string branch = last ? "└─ " : "├─ ";
    return depth > kDrawnDepth ? "…" + std::to_string(depth) + " " + branch : before + branch;
  }

  std::unordered_map<std::uint64_t, bool> known_;  // exec id → not printed yet
  std::unordered_map<std::uint64_t, std::vector<const v1::ProcessRow*>> children_;
  std::vector<const v1::ProcessRow*> roots_;
};

std::string CommandOf(const v1::ProcessExec& exec) {
  if (exec.arguments().empty()) return exec.executable().empty() ? exec.comm() : exec.executable();
  const std::vector<std::string> arguments(exec.arguments().begin(), exec.arguments().end());
  return report::CommandLine(arguments) + (exec.arguments_truncated() ? " …" : "");
}

std::string MarksOf(const v1::ProcessExec& exec) {
  std::string marks;
  if (exec.memfd()) marks += " (memfd)";
  if (exec.deleted()) marks += " (deleted)";
  if (exec.tmpfs()) marks += " (tmpfs)";
  return marks;
}

std::string EndOf(const v1::ProcessRow& row) {
  if (row.exit_time_ns() == 0) return "-";
  const int status = static_cast<int>(row.wait_status());
  return WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status)) : std::to_string(ShellStatus(status));
}

Json ProcessJson(const v1::ProcessRow& row) {
  const auto& exec = row.exec();
  Json json = {{"exec_id", Id(exec.exec_id())},
               {"parent_exec_id", Id(exec.parent_exec_id())},
               {"pid", exec.pid()},
               {"parent_pid", exec.parent_pid()},
               {"step", row.step()},
               {"step_name", Text(row.step_name())},
               {"time_ns", row.time_ns()},
               {"exit_time_ns", row.exit_time_ns()},
               {"wait_status", nullptr},
               {"uid", exec.uid()},
               {"gid", exec.gid()},
               {"comm", Text(exec.comm())},
               {"executable", Text(exec.executable())},
               {"arguments", Texts(exec.arguments())},
               {"arguments_truncated", exec.arguments_truncated()},
               {"arguments_full_bytes", exec.arguments_full_bytes()},
               {"cwd", Text(exec.cwd())},
               {"path_truncated", exec.path_truncated()},
               {"deleted", exec.deleted()},
               {"memfd", exec.memfd()},
               {"tmpfs", exec.tmpfs()},
               {"entered", exec.entered()},
               {"forks", row.forks()},
               {"flows_allowed", row.flows_allowed()},
               {"flows_denied", row.flows_denied()}};
  if (row.exit_time_ns() != 0) json["wait_status"] = row.wait_status();
  return json;
}

}  // namespace

Table ProcessTable(const v1::ListProcessesResponse& processes, bool tree) {
  const bool with_step = HasSteps(processes.processes());
  std::vector<Column> columns{{.title = "PID", .align = Align::kRight}};
  if (with_step) columns.push_back(StepColumn());
  for (Column column :
       {Column{.title = "STARTED", .spare = 3}, Column{.title = "EXIT", .spare = 1},
        Column{.title = "ALLOWED", .align = Align::kRight, .spare = 2},
        Column{.title = "DENIED", .align = Align::kRight}, Column{.title = "COMMAND", .cut = Cut::kEnd, .least = 24},
        Column{.title = "EXECUTABLE", .cut = Cut::kMiddle, .least = 12, .spare = 4}}) {
    columns.push_back(std::move(column));
  }
  Table table(std::move(columns));
  const std::vector<Place> places = tree ? TreeOrder(processes).Walk() : InOrder(processes);
  for (const Place& place : places) {
    const auto& exec = place.row->exec();
    const bool denied = place.row->flows_denied() > 0;
    std::vector<Cell> row{std::to_string(exec.pid())};
    if (with_step) row.emplace_back(report::StepText(place.row->step(), place.row->step_name()));
    for (Cell cell : {Cell(LocalTime(place.row->time_ns())), Cell(EndOf(*place.row)),
                      Cell(std::to_string(place.row->flows_allowed())),
                      Cell(std::to_string(place.row->flows_denied()), denied ? Tone::kBad : Tone::kPlain),
                      Cell(place.branch, CommandOf(exec), denied ? Tone::kBad : Tone::kPlain),
                      Cell(exec.executable() + MarksOf(exec))}) {
      row.push_back(std::move(cell));
    }
    table.AddRow(std::move(row));
  }
  return table;
}

Json ProcessDocument(const v1::ListProcessesResponse& processes) {
  Json list = Json::array();
  for (const auto& row : processes.processes()) list.push_back(ProcessJson(row));
  return {{"schema", "weir.processes.v1"}, {"truncated", processes.truncated()}, {"processes", std::move(list)}};
}

}  // namespace weir::cli
