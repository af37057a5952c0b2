// SPDX-License-Identifier: Apache-2.0
// `weir runner`: self-hosted runners whose jobs are Weir's from their first step to their last.
#include "collector/cli/commands/runner.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"

namespace weir::cli {
namespace {

constexpr const char* kFiles =
    "/etc/weir/runners/NAME.yml  which policy holds for which job of a runner\n"
    "/etc/weir/policies/default.yml  the policy of a runner that was enrolled without another\n"
    "/etc/weir/hooks/  what the runner starts before and after a job\n"
    "/etc/systemd/system/UNIT.d/50-weir.conf  lets the runner's service start when the sensor is armed\n"
    "DIR/.env  where the runner reads the hooks' places";

void AddConfigDir(CLI::App& command, RunnerOptions& options) {
  command
      .add_option("--config-dir", options.config_dir, "Where runners/, policies/ and hooks/ are; default: /etc/weir")
      ->type_name("DIR");
}

void AddInstall(CLI::App& runner, Invocation& invocation) {
  auto& command = AddPage(
      runner, invocation, "install", "let a runner's hooks begin its jobs",
      {.synopsis = "weir runner install DIR [--unit NAME] [--config-dir DIR] [--sensor SOCKET]",
       .description =
           "Enrols the runner in DIR, whose owner is the user that it runs as: writes a file that says which "
           "policy holds for which of its jobs (an existing one stays), the hooks, the two lines in "
           "DIR/.env that name them, and a drop-in for the service that starts the runner, which then starts "
           "only when the sensor is armed. Without another policy its jobs are watched and nothing is refused; "
           "that is said. Restart the runner afterwards. Running it again changes nothing that is right.",
       .exit_status = "0  done; also when no service starts the runner, which is said\n"
                      "64  DIR is no runner's directory, its hooks are somebody else's, or there is no such unit\n"
                      "77  not root",
       .environment = "WEIR_SENSOR_SOCKET  the sensor's socket, for --sensor",
       .files = kFiles,
       .examples = "sudo weir runner install /srv/actions-runner"});
  auto options = std::make_shared<RunnerOptions>();
  command.add_option("DIR", options->directory, "The runner's directory, the one with `bin` in it")
      ->required()
      ->type_name("DIR");
  command
      .add_option("--unit", options->unit, "The service that starts the runner; default: those that do, by their files")
      ->type_name("NAME");
  AddConfigDir(command, *options);
  AddSensorPlace(command, options->places);
  OnRun(command, invocation, [options] { return InstallRunner(*options); });
}

void AddRemove(CLI::App& runner, Invocation& invocation) {
  auto& command =
      AddPage(runner, invocation, "remove", "take a runner's enrolment back",
              {.synopsis = "weir runner remove DIR [--config-dir DIR]",
               .description = "Takes the two lines out of DIR/.env, and the runner's file and its service's "
                              "drop-in away. Restart the runner afterwards: until then its hooks fail, "
                              "and with them its jobs.",
               .exit_status = "0  done\n64  no such runner is enrolled\n77  not root",
               .environment = "",
               .files = kFiles,
               .examples = "sudo weir runner remove /srv/actions-runner"});
  auto options = std::make_shared<RunnerOptions>();
  command.add_option("DIR", options->directory, "The runner's directory")->required()->type_name("DIR");
  AddConfigDir(command, *options);
  OnRun(command, invocation, [options] { return RemoveRunner(*options); });
}

void AddRunnerList(CLI::App& runner, Invocation& invocation) {
  auto& command = AddPage(runner, invocation, "list", "list enrolled runners",
                          {.synopsis = "weir runner list [--config-dir DIR]",
                           .description = "Name, user and directory of each, a line; and every fault of their files.",
                           .exit_status = "0  done\n64  a file has faults\n77  a file that others than root may write",
                           .environment = "",
                           .files = kFiles,
                           .examples = "weir runner list"});
  auto options = std::make_shared<RunnerOptions>();
  AddConfigDir(command, *options);
  OnRun(command, invocation, [options] { return ListRunners(*options); });
}

void AddHook(CLI::App& runner, Invocation& invocation) {
  auto& command = AddPage(runner, invocation, "hook", "what the hooks run; not for people",
                          {.synopsis = "weir runner hook started|completed [--sensor SOCKET]",
                           .description = "Begins the job of the Runner.Worker above, or writes its summary.",
                           .exit_status = "0  done\n10  egress was denied, and the policy says `on_deny: fail`\n65  no "
                                          "valid policy: the job reaches nothing\n69  no sensor answers\n"
                                          "77  not the hook of an enrolled runner",
                           .environment = "GITHUB_*  as the runner sets them",
                           .files = kFiles,
                           .examples = "weir runner hook started"});
  auto stage = std::make_shared<std::string>();
  auto places = std::make_shared<Places>(Places::FromEnvironment());
  command.add_option("STAGE", *stage, "started or completed")
      ->required()
      ->check(CLI::IsMember({"started", "completed"}));
  AddSensorPlace(command, *places);
  OnRun(command, invocation,
        [stage, places] { return *stage == "started" ? HookStarted(*places) : HookCompleted(*places); });
}

}  // namespace

void AddRunner(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(root, invocation, "runner", "enrol self-hosted runners, list them",
                          {.synopsis = "weir runner install|remove|list [OPTION...]",
                           .description = "An enrolled runner's jobs begin before their first step and end with their "
                                          "Runner.Worker, under the policy that the host chooses (docs/runner.md).",
                           .exit_status = "",
                           .environment = "",
                           .files = "",
                           .examples = "sudo weir runner install /srv/actions-runner"});
  command.require_subcommand(1);
  AddInstall(command, invocation);
  AddRemove(command, invocation);
  AddRunnerList(command, invocation);
  AddHook(command, invocation);
}

}  // namespace weir::cli
