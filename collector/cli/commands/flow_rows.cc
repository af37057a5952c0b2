// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/rows.h"
#include "collector/cli/term/moment.h"
#include "collector/report/escape.h"

namespace weir::cli {
namespace {

std::string FileName(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos || slash + 1 == path.size() ? path : path.substr(slash + 1));
}

Json FlowJson(const v1::FlowRow& flow) {
  return {{"job_id", Text(flow.job_id())},
          {"verdict", Word(flow.id().verdict())},
          {"hook", Word(flow.id().hook())},
          {"why", Text(flow.id().why())},
          {"rule", Text(flow.rule())},
          {"name", Text(flow.name())},
          {"address", Text(flow.id().address())},
          {"port", flow.id().port()},
          {"protocol", Text(flow.id().protocol())},
          {"query_type", Text(flow.query_type())},
          {"socket_kind", Text(flow.socket_kind())},
          {"step", flow.step()},
          {"step_name", Text(flow.step_name())},
          {"exec_id", Id(flow.id().exec_id())},
          {"pid", flow.pid()},
          {"comm", Text(flow.comm())},
          {"executable", Text(flow.executable())},
          {"arguments", Texts(flow.arguments())},
          {"ancestry", Texts(flow.ancestry())},
          {"first_time_ns", flow.first_time_ns()},
          {"last_time_ns", flow.last_time_ns()},
          {"count", flow.count()},
          {"bytes_out", flow.bytes_out()},
          {"bytes_in", flow.bytes_in()},
          {"packets_out", flow.packets_out()},
          {"packets_in", flow.packets_in()}};
}

}  // namespace

Column StepColumn() { return {.title = "STEP", .cut = Cut::kEnd, .least = 7}; }

std::string ProcessOf(const v1::FlowRow& flow) {
  std::string self = flow.executable().empty() ? flow.comm() : FileName(flow.executable());
  if (self.empty()) self = "?";
  self += "[" + std::to_string(flow.pid()) + "]";
  // The last of the ancestry is the process itself.
  const int ancestors = flow.ancestry_size() - 1;
  return ancestors > 0 ? FileName(flow.ancestry(ancestors - 1)) + " › " + self : self;
}

std::string TargetOf(const v1::FlowRow& flow) {
  if (flow.id().hook() == v1::HOOK_SOCKET) return "socket " + flow.socket_kind();
  if (!flow.query_type().empty()) return "lookup of " + flow.name() + " (" + flow.query_type() + ")";
  return Destination(flow.name(), flow.id());
}

std::string ReasonOf(const v1::FlowRow& flow) {
  return flow.rule().empty() ? flow.id().why() : flow.id().why() + " " + flow.rule();
}

Table FlowTable(const v1::ListFlowsResponse& flows, bool with_job) {
  const bool with_step = HasSteps(flows.flows());
  std::vector<Column> columns;
  if (with_job) columns.push_back({.title = "JOB", .cut = Cut::kEnd, .least = 19, .spare = 2});
  if (with_step) columns.push_back(StepColumn());
  for (Column column : {Column{.title = "VERDICT"}, Column{.title = "DESTINATION", .cut = Cut::kMiddle, .least = 20},
                        Column{.title = "ADDRESS", .cut = Cut::kMiddle, .least = 15, .spare = 6},
                        Column{.title = "PROCESS", .cut = Cut::kMiddle, .least = 12},
                        Column{.title = "WHY", .cut = Cut::kEnd, .spare = 1},
                        Column{.title = "COUNT", .align = Align::kRight, .spare = 3},
                        Column{.title = "OUT", .align = Align::kRight, .spare = 4},
                        Column{.title = "IN", .align = Align::kRight, .spare = 5}}) {
    columns.push_back(std::move(column));
  }
  Table table(std::move(columns));
  for (const v1::FlowRow& flow : flows.flows()) {
    std::vector<Cell> row;
    if (with_job) row.emplace_back(flow.job_id());
    if (with_step) row.emplace_back(report::StepText(flow.step(), flow.step_name()));
    row.emplace_back(Word(flow.id().verdict()), ToneOf(flow.id().verdict()));
    for (std::string text : {TargetOf(flow), flow.id().address(), ProcessOf(flow), ReasonOf(flow),
                             std::to_string(flow.count()), Amount(flow.bytes_out()), Amount(flow.bytes_in())}) {
      row.emplace_back(std::move(text));
    }
    table.AddRow(std::move(row));
  }
  return table;
}

Json FlowDocument(const v1::ListFlowsResponse& flows) {
  Json list = Json::array();
  for (const v1::FlowRow& flow : flows.flows()) list.push_back(FlowJson(flow));
  return {{"schema", "weir.egress.v1"}, {"truncated", flows.truncated()}, {"flows", std::move(list)}};
}

}  // namespace weir::cli
