// SPDX-License-Identifier: Apache-2.0
// `weir doctor`.
#include "collector/cli/host/doctor.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/words.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/remote/sensor_end.h"
#include "collector/cli/term/console.h"
#include "collector/cli/term/table.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  Format format = Format::kTable;
};

Tone ToneOf(Health health) {
  switch (health) {
    case Health::kOk: return Tone::kGood;
    case Health::kWarn: return Tone::kWarn;
    case Health::kFail: return Tone::kBad;
  }
  return Tone::kBad;
}

Json DocumentOf(const std::vector<Check>& checks, bool able) {
  Json list = Json::array();
  for (const Check& check : checks) {
    list.push_back({{"id", check.id},
                    {"state", HealthName(check.health)},
                    {"finding", Text(check.finding)},
                    {"remedy", Text(check.remedy)}});
  }
  return {{"schema", "weir.doctor.v1"}, {"able", able}, {"checks", std::move(list)}};
}

/// What the running sensor has proven of its guard; without one nothing is known, because only probes tell.
void AddGuard(const std::string& socket, std::vector<Check>& checks) {
  const auto sensor = SensorEnd::Connect(socket);
  const auto status = sensor ? sensor->GetStatus() : Result<v1::GetStatusResponse>(tl::unexpected(sensor.error()));
  if (!status) {
    checks.push_back(
        {"guard", Health::kOk, "not known: a sensor proves it when it starts, and each job's record tells", ""});
    return;
  }
  int full = 0;
  std::string weaker;
  for (const auto& known : status->guard()) {
    if (known.state() == "full") {
      ++full;
    } else {
      weaker += (weaker.empty() ? "" : "; ") + known.name() + " " + known.state() + " (" + known.why() + ")";
    }
  }
  std::string finding = std::to_string(full) + " of " + std::to_string(status->guard_size()) + " classes proven";
  if (weaker.empty()) {
    checks.push_back({"guard", Health::kOk, finding, ""});
  } else {
    checks.push_back({"guard", Health::kWarn, finding + ": " + weaker,
                      "run on a distribution's stock kernel, 5.10 or later, outside containers that refuse programs on "
                      "kernel functions"});
  }
}

int Run(const Options& options, const Screen& screen) {
  auto checks = ExamineHost({.cgroup_root = options.places.cgroup_root,
                             .sensor_socket = options.places.sensor_socket,
                             .collector_socket = options.places.collector_socket,
                             .state_dir = options.places.state_dir});
  AddGuard(options.places.sensor_socket, checks);
  const bool able =
      std::none_of(checks.begin(), checks.end(), [](const Check& c) { return c.health == Health::kFail; });
  if (options.format == Format::kJson) {
    PutJson(DocumentOf(checks, able));
    return able ? kExitOk : kExitCannot;
  }
  Table table({{.title = "CHECK"}, {.title = "STATE"}, {.title = "FINDING", .cut = Cut::kWrap, .least = 16}});
  for (const Check& check : checks) {
    table.AddRow({check.id, Cell(HealthName(check.health), ToneOf(check.health)), check.finding});
  }
  Put(table.Render(screen));
  // Below the table, where they are never cut.
  for (const Check& check : checks) {
    if (check.health != Health::kOk && !check.remedy.empty()) Say(check.id + ": " + check.remedy);
  }
  return able ? kExitOk : kExitCannot;
}

}  // namespace

void AddDoctor(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(
      root, invocation, "doctor", "check what this host has and what is missing",
      {.synopsis = "weir doctor [--cgroup-root DIR] [--state-dir DIR] [--format table|json]",
       .description = "One line a requirement: ok, warn (Weir runs, but sees or guards less) or fail (no job can be "
                      "watched), each with its remedy. Changes nothing. Run it as the user who will run jobs.",
       .exit_status = "0  jobs can be watched\n77  they cannot",
       .environment = "WEIR_CGROUP_ROOT, WEIR_STATE_DIR, WEIR_SENSOR_SOCKET, WEIR_COLLECTOR_SOCKET  what is looked at",
       .files = "/sys/kernel/btf/vmlinux, /proc/self/mountinfo, /sys/kernel/security/lsm  what is read",
       .examples = "sudo weir doctor\nsudo weir doctor --format json | jq '.checks[] | select(.state != \"ok\")'"});
  auto options = std::make_shared<Options>();
  command.add_option("--cgroup-root", options->places.cgroup_root, "Cgroup to attach to; default: the cgroup2 mount")
      ->type_name("DIR");
  command.add_option("--state-dir", options->places.state_dir, "Directory of the local database")->type_name("DIR");
  AddFormat(command, options->format);
  OnRun(command, invocation, [options, &invocation] { return Run(*options, invocation.out); });
}

}  // namespace weir::cli
