// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "collector/cli/commands/command.h"
#include "collector/cli/host/exit_code.h"
#include "collector/report/escape.h"

namespace weir::cli {
namespace {

constexpr const char* kDescription = "watch and limit what CI jobs send out of this machine";

Page RootPage() {
  return {.synopsis = "weir COMMAND [OPTION...]\nweir run [OPTION...] -- COMMAND [ARGUMENT...]",
          .description =
              "Weir runs a command as a job: the kernel knows every process of it and every destination that they "
              "speak to, and in block mode lets out nothing but what an allowlist names.\n\n"
              "`weir COMMAND --help` describes each command.",
          .exit_status =
              "0  done\n1  anything else that failed\n"
              "10  egress was denied, and that is to fail (weir run --fail-on-deny)\n"
              "64  usage: unknown flag or command, no such job\n65  a policy is not valid\n"
              "69  not armed: the job was not started; or a service that is needed does not answer\n"
              "77  missing privilege or kernel feature\n"
              "any  weir run and weir job join: the status of the command that they ran",
          .environment =
              "WEIR_STATE_DIR  where jobs are recorded when no collector runs\n"
              "WEIR_SENSOR_SOCKET, WEIR_COLLECTOR_SOCKET  where running services listen\n"
              "WEIR_CGROUP_ROOT, WEIR_PIN_DIR  where a sensor inside weir run attaches and pins\n"
              "NO_COLOR  when set and not empty: no colours",
          .files = "",
          .examples =
              "weir run --report job.html -- make test\nweir egress --job latest --denied\n"
              "weir policy suggest --job latest > .github/egress.yml\n"
              "weir run --policy .github/egress.yml --mode block -- make test"};
}

struct Program {
  Invocation invocation;
  CLI::App root{kDescription, "weir"};
};

std::shared_ptr<Program> BuildProgram(const Screen& out, const Screen& err) {
  auto program = std::make_shared<Program>();
  program->invocation.out = out;
  program->invocation.err = err;
  program->root.set_help_flag("-h,--help", "Print this page");
  program->root.formatter(ManualPage(RootPage(), out.columns));
  program->root.require_subcommand(1);
  for (const AddCommand add : AllCommands()) add(program->root, program->invocation);
  return program;
}

std::string GivenCommand(const CLI::App& root) {
  const CLI::App* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return FullName(*at);
}

// As a parse error, so that it reads and exits like all others.
void CheckDashes(const Invocation& invocation) {
  if (invocation.takes_command && (invocation.after_dashes.empty() || invocation.after_dashes.front().empty())) {
    throw CLI::RequiredError("A command to run, after `--`,");
  }
  if (!invocation.takes_command && invocation.has_dashes) {
    throw CLI::ExtrasError(std::vector<std::string>{"--"});
  }
}

}  // namespace

Parsed Parse(const std::vector<std::string>& arguments, const Screen& out, const Screen& err) {
  auto program = BuildProgram(out, err);
  // What follows `--` belongs to the job's command; CLI11 would take "[1,2]" in it for a list, and names for commands.
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> own(arguments.begin(), dashes);
  program->invocation.has_dashes = dashes != arguments.end();
  if (program->invocation.has_dashes) program->invocation.after_dashes.assign(dashes + 1, arguments.end());
  std::reverse(own.begin(), own.end());  // CLI11 takes them from the back
  Parsed parsed;
  try {
    program->root.parse(std::move(own));
    CheckDashes(program->invocation);
    parsed.action = [program] { return program->invocation.action(); };
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = &program->root;
    while (!asked->get_subcommands().empty()) asked = asked->get_subcommands().front();
    parsed.out = asked->help();
  } catch (const CLI::ParseError& error) {
    const std::string command = GivenCommand(program->root);
    // CLI11 would say "a subcommand is required" of a command that it does not know.
    const std::vector<std::string> unknown = program->root.remaining(true);
    const bool mistyped = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !unknown.empty();
    const std::string what = mistyped ? "'" + unknown.front() + "' is no command or option here" : error.what();
    parsed.err = "weir: " + report::ForTerminal(what) + "\nweir: see `" + command + " --help`\n";
    parsed.exit_code = kExitUsage;
  }
  return parsed;
}

Node ProgramTree() { return TreeOf(BuildProgram({}, {})->root); }

}  // namespace weir::cli
