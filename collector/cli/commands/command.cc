// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/command.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <map>
#include <system_error>
#include <utility>

namespace weir::cli {

CLI::App& AddPage(CLI::App& parent, const Invocation& invocation, const std::string& name,
                  const std::string& description, Page page) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->formatter(ManualPage(std::move(page), invocation.out.columns));
  return *command;
}

void OnRun(CLI::App& command, Invocation& invocation, std::function<int()> run) {
  command.callback([&invocation, run = std::move(run)] { invocation.action = run; });
}

void OnRunCommand(CLI::App& command, Invocation& invocation,
                  std::function<int(const std::vector<std::string>& command_line)> run) {
  invocation.runners.insert(&command);
  command.callback([&invocation, run = std::move(run)] {
    invocation.takes_command = true;
    invocation.action = [&invocation, run] { return run(invocation.after_dashes); };
  });
}

void AddFormat(CLI::App& command, Format& format) {
  command
      .add_option_function<std::string>(
          "--format", [&format](const std::string& text) { format = text == "json" ? Format::kJson : Format::kTable; },
          "How to print: a table that fits the terminal, or JSON with a schema field")
      ->check(CLI::IsMember({"table", "json"}));
}

void AddReviewPlaces(CLI::App& command, Places& places) {
  CLI::Option* socket = command
                            .add_option_function<std::string>(
                                "--collector",
                                [&places](const std::string& path) {
                                  places.collector_socket = path;
                                  places.collector = Places::Which::kRunning;
                                },
                                "Ask the collector on this unix socket, and no other")
                            ->type_name("FILE");
  command
      .add_option_function<std::string>(
          "--state-dir",
          [&places](const std::string& path) {
            places.state_dir = path;
            places.collector = Places::Which::kEmbedded;
          },
          "Read the local database in this directory, whether a collector runs or not")
      ->type_name("DIR")
      ->excludes(socket);
}

void AddSensorPlace(CLI::App& command, Places& places) {
  command.add_option("--sensor", places.sensor_socket, "Control socket of the running sensor")->type_name("FILE");
}

void AddJobId(CLI::App& command, std::string& job, bool required) {
  CLI::Option* option =
      command.add_option("--job", job, "Job id, a prefix of it that is unique, or 'latest'")->type_name("ID");
  if (required) option->required();
}

void AddStep(CLI::App& command, v1::StepFilter& step) {
  command
      .add_option_function<std::string>(
          "--step",
          [&step](const std::string& text) {
            std::uint32_t number = 0;
            const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (end == text.data() + text.size() && fault == std::errc()) {
              step.set_number(number);
            } else {
              step.set_name(text);
            }
          },
          "Only what this step of a runner's job did, by its number (0: what is of none) or its name")
      ->type_name("N|NAME");
}

}  // namespace weir::cli
