// SPDX-License-Identifier: Apache-2.0
// `weir status`.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/words.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/sensor_end.h"
#include "collector/cli/term/console.h"
#include "collector/cli/term/moment.h"
#include "collector/cli/term/table.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  Format format = Format::kTable;
};

Json DocumentOf(const v1::GetStatusResponse& status, int jobs) {
  Json programs = Json::array();
  for (const auto& program : status.programs()) {
    programs.push_back({{"name", Text(program.name())},
                        {"tag", Text(program.tag())},
                        {"attach", Text(program.attach())},
                        {"attached", program.attached()},
                        {"resting", program.resting()}});
  }
  Json guard = Json::array();
  for (const auto& known : status.guard())
    guard.push_back({{"name", Text(known.name())}, {"state", Text(known.state())}, {"why", Text(known.why())}});
  return {{"schema", "weir.status.v1"},
          {"version", Text(status.version())},
          {"host", Text(status.host())},
          {"kernel", Text(status.kernel())},
          {"armed", status.armed()},
          {"not_armed_reasons", Texts(status.not_armed_reasons())},
          {"start_time_ns", status.start_time_ns()},
          {"cgroup_root", Text(status.cgroup_root())},
          {"pin_directory", Text(status.pin_directory())},
          {"events_queued", status.events_queued()},
          {"events_dropped", status.events_dropped()},
          {"collector", Text(status.collector())},
          {"collector_connected", status.collector_connected()},
          {"jobs", jobs},
          {"guard", std::move(guard)},
          {"programs", std::move(programs)}};
}

Tone ToneOfGuard(const std::string& state) {
  if (state == "full") return Tone::kGood;
  return state == "partial" ? Tone::kWarn : Tone::kBad;
}

void PutTables(const v1::GetStatusResponse& status, int jobs, const Screen& screen) {
  Table facts({{.title = "SENSOR"}, {.title = status.host(), .cut = Cut::kWrap}});
  facts.AddRow({"armed", status.armed() ? Cell("yes", Tone::kGood) : Cell("no", Tone::kBad)});
  for (const auto& reason : status.not_armed_reasons()) facts.AddRow({"", Cell(reason, Tone::kBad)});
  facts.AddRow({"version", status.version()});
  facts.AddRow({"kernel", status.kernel()});
  facts.AddRow({"since", LocalTime(status.start_time_ns())});
  facts.AddRow({"jobs", std::to_string(jobs)});
  facts.AddRow({"cgroup root", status.cgroup_root()});
  facts.AddRow({"pins", status.pin_directory()});
  const bool away = !status.collector().empty() && !status.collector_connected();
  facts.AddRow({"collector", status.collector().empty() ? Cell("none: events go nowhere", Tone::kWarn)
                                                        : Cell(status.collector() + (away ? " (away)" : ""),
                                                               away ? Tone::kWarn : Tone::kPlain)});
  facts.AddRow({"events waiting", std::to_string(status.events_queued())});
  facts.AddRow({"events dropped", Cell(std::to_string(status.events_dropped()),
                                       status.events_dropped() == 0 ? Tone::kPlain : Tone::kBad)});
  Put(facts.Render(screen) + "\n");
  Table programs({{.title = "PROGRAM"},
                  {.title = "TAG", .spare = 2},
                  {.title = "ATTACH", .cut = Cut::kMiddle, .spare = 1},
                  {.title = "STATE"}});
  for (const auto& program : status.programs()) {
    programs.AddRow({program.name(), program.tag(), program.attach(),
                     program.attached()  ? Cell("attached", Tone::kGood)
                     : program.resting() ? Cell("rests until a job begins")
                                         : Cell("not attached", Tone::kBad)});
  }
  Put(programs.Render(screen) + "\n");
  Table guard({{.title = "GUARD"}, {.title = "STATE"}, {.title = "WHAT", .cut = Cut::kWrap, .least = 16}});
  for (const auto& known : status.guard()) {
    guard.AddRow({known.name(), Cell(known.state(), ToneOfGuard(known.state())),
                  known.why().empty() ? known.what() : known.what() + " (" + known.why() + ")"});
  }
  Put(guard.Render(screen));
}

int Run(const Options& options, const Screen& screen) {
  const auto sensor = SensorEnd::Connect(options.places.sensor_socket);
  if (!sensor) {
    const int code = Complain(sensor.error());
    if (sensor.error().code == Code::kUnavailable)
      Say("no sensor runs as a service; `weir run` starts one inside itself");
    return code;
  }
  const auto status = sensor->GetStatus();
  if (!status) return Complain(status.error());
  const auto jobs = sensor->ListJobs();
  if (!jobs) return Complain(jobs.error());
  const auto running = static_cast<int>(
      std::count_if(jobs->jobs().begin(), jobs->jobs().end(), [](const auto& job) { return !job.ended(); }));
  if (options.format == Format::kJson) {
    PutJson(DocumentOf(*status, running));
  } else {
    PutTables(*status, running, screen);
  }
  return status->armed() ? kExitOk : kExitNotArmed;
}

}  // namespace

void AddStatus(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(root, invocation, "status", "show the running sensor: armed or not, programs, collector",
                          {.synopsis = "weir status [--sensor SOCKET] [--format table|json]",
                           .description = "Asks the sensor that runs as a service. \"Armed\" means that every program "
                                          "is attached; jobs prove it each with a canary (`weir report`).",
                           .exit_status = "0  armed\n64  usage\n69  not armed, or no sensor answers\n"
                                          "77  this user may not ask",
                           .environment = "WEIR_SENSOR_SOCKET  the sensor's socket, for --sensor",
                           .files = "/run/weir/sensor.sock  the sensor's control socket",
                           .examples = "weir status\nweir status --format json | jq .armed"});
  auto options = std::make_shared<Options>();
  AddSensorPlace(command, options->places);
  AddFormat(command, options->format);
  OnRun(command, invocation, [options, &invocation] { return Run(*options, invocation.out); });
}

}  // namespace weir::cli
