// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/commands/program.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

#include "collector/cli/commands/command.h"
#include "collector/cli/host/exit_code.h"
#include "collector/report/escape.h"
#include "policy/text.h"

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
              "weir run --policy .github/egress.yml --mode block -- make test",
          .see_also = "weir-run(1), weir-runner(1), weir-sensor(8), weir-collector(8); /usr/share/doc/weir"};
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
  program->root.set_version_flag("--version", "weir " WEIR_VERSION, "Print the version of this program");
  program->root.require_subcommand(1);
  for (const AddCommand add : AllCommands()) add(program->root, program->invocation);
  return program;
}

const CLI::App* DeepestGiven(const CLI::App& root) {
  const CLI::App* at = &root;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return at;
}

// `--policy "$POLICY"` with the variable unset must not mean "no policy", nor `--job "$id"` every job.
void CheckValues(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& value : option->results()) {
      if (value.empty() && option->get_items_expected_max() > 0) {
        throw CLI::ValidationError(option->get_name(), "the value is empty; is a variable unset?");
      }
    }
  }
  for (const CLI::App* given : app.get_subcommands()) CheckValues(*given);
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

std::string DidYouMean(const std::string& word, const Node& node) {
  std::vector<std::string_view> known;
  for (const Node& child : node.children) known.push_back(child.name);
  for (const Flag& flag : node.flags) known.insert(known.end(), flag.names.begin(), flag.names.end());
  const std::string near = policy::Nearest(word, known);
  if (near == word) return ": write it behind '" + node.name + "'";
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

// What CLI11 says, where it can be said better.
std::string MessageOf(const CLI::ParseError& error, const CLI::App& root, const Invocation& invocation) {
  const CLI::App& command = *DeepestGiven(root);
  const Node node = args::TreeOf(command);
  const std::vector<std::string> unknown = root.remaining(true);
  const bool lacks_command = !node.children.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (lacks_command && unknown.empty()) {
    std::string names;
    for (const Node& child : node.children) names += (names.empty() ? "" : ", ") + child.name;
    return "a command is required: " + names;
  }
  // CLI11 would say "a subcommand is required" of a command that it does not know.
  if (lacks_command)
    return "'" + unknown.front() + "' is no command or option here" + DidYouMean(unknown.front(), node);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || unknown.empty()) return error.what();
  const std::string& first = unknown.front();
  if (invocation.runners.contains(&command) && !first.starts_with('-')) {
    return "the command to run stands after `--`: " + FullName(command) + " -- " + first;
  }
  return "'" + first + "' is no option here" + DidYouMean(first, node);
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
    CheckValues(program->root);
    CheckDashes(program->invocation);
    parsed.action = [program] { return program->invocation.action(); };
  } catch (const CLI::CallForHelp&) {
    parsed.out = DeepestGiven(program->root)->help();
  } catch (const CLI::CallForVersion& version) {
    parsed.out = version.what() + std::string("\n");
  } catch (const CLI::ParseError& error) {
    const std::string what = MessageOf(error, program->root, program->invocation);
    parsed.err =
        "weir: " + report::ForTerminal(what) + "\nweir: see `" + FullName(*DeepestGiven(program->root)) + " --help`\n";
    parsed.exit_code = kExitUsage;
  }
  return parsed;
}

Node ProgramTree() { return args::TreeOf(BuildProgram({}, {})->root); }

}  // namespace weir::cli
