// SPDX-License-Identifier: Apache-2.0
// `weir job`: jobs in steps, for runner hooks and for jobs of several commands. Each step is in job_steps.cc.
#include "collector/cli/commands/job.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/term/moment.h"

namespace weir::cli {
namespace {

constexpr const char* kSensorExitStatus =
    "0  done\n64  usage: an unknown flag, no such job\n69  no sensor answers\n77  not root, or inside of a job";
constexpr const char* kSensorEnvironment =
    "WEIR_SENSOR_SOCKET  the sensor's socket, for --sensor\n"
    "WEIR_COLLECTOR_SOCKET  the collector's socket, for --collector";
constexpr const char* kSensorFiles = "/run/weir/sensor.sock, /run/weir/collector.sock  running services";

void AddBegin(CLI::App& job, Invocation& invocation) {
  auto& command = AddPage(
      job, invocation, "begin", "begin a job and print its id",
      {.synopsis = "weir job begin [--name NAME] [--policy FILE] [--mode audit|block] [--allow ENDPOINT]... "
                   "[--label KEY=VALUE]... [--scope job|host] [--pid PID]... [--format table|json]",
       .description =
           "Asks the running sensor for a new job. Processes enter it by --pid or `weir job join`, and all "
           "that descends from them. With --scope host everything on this host is in it, but for the units that the "
           "sensor exempts: for machines that run one job and are thrown away. Needs root, outside of every job.",
       .exit_status = "0  done\n64  usage\n65  the policy is not valid\n69  not armed, or no sensor answers\n"
                      "77  not root, inside of a job, or a missing kernel feature",
       .environment = kSensorEnvironment,
       .files = kSensorFiles,
       .examples = "id=$(weir job begin --name nightly --policy .github/egress.yml)\n"
                   "weir job join --job \"$id\" -- make test\nweir job end --job \"$id\" --exit-status $?"});
  auto options = std::make_shared<JobBeginOptions>();
  AddJobFlags(command, "--name", options->job);
  command.add_option("--pid", options->pids, "Move this process, with its open sockets, into the job")
      ->type_name("PID")
      ->check(CLI::PositiveNumber)
      ->allow_extra_args(false);
  command
      .add_option("--scope", options->scope,
                  "job: what enters it. host: the whole host, services too; it must be the only job, and ends with the "
                  "machine, or is ended from an exempt unit")
      ->check(CLI::IsMember({"job", "host"}))
      ->capture_default_str();
  AddSensorPlace(command, options->places);
  AddFormat(command, options->format);
  OnRun(command, invocation, [options] { return BeginJobStep(*options); });
}

void AddJoin(CLI::App& job, Invocation& invocation) {
  auto& command = AddPage(job, invocation, "join", "run a command in a job that was begun",
                          {.synopsis = "weir job join --job ID -- COMMAND [ARGUMENT...]",
                           .description = "As `weir run`, but in a job that goes on after COMMAND.",
                           .exit_status = "any  that of COMMAND, as in `weir run`\n64  usage: no such job\n"
                                          "69  no sensor answers\n77  not root, or inside of a job",
                           .environment = kSensorEnvironment,
                           .files = kSensorFiles,
                           .examples = "weir job join --job \"$id\" -- make test"});
  auto options = std::make_shared<JobStepOptions>();
  AddJobId(command, options->job, true);
  AddSensorPlace(command, options->places);
  OnRunCommand(command, invocation,
               [options](const std::vector<std::string>& command_line) { return JoinJobStep(*options, command_line); });
}

void AddEnd(CLI::App& job, Invocation& invocation) {
  auto& command =
      AddPage(job, invocation, "end", "end a job: prove, record, report",
              {.synopsis = "weir job end --job ID [--exit-status N] [--report FILE]... [--format table|json]",
               .description = "Tries the canary a last time, waits a moment for the job's processes to end, writes the "
                              "enforcement record and removes the job. Processes that stay are named and stay judged.",
               .exit_status = kSensorExitStatus,
               .environment = kSensorEnvironment,
               .files = kSensorFiles,
               .examples = "weir job end --job \"$id\" --exit-status 0 --report job.html"});
  auto options = std::make_shared<JobStepOptions>();
  AddJobId(command, options->job, true);
  command
      .add_option("--exit-status", options->exit_status, "What the job's work returned, 0 to 255; default: not known")
      ->type_name("N")
      ->check(CLI::Range(0, 255));
  command.add_option("--report", options->reports, "Write a report, as `weir run --report`")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_option("--collector", options->places.collector_socket, "Where the sensor's collector answers")
      ->type_name("FILE");
  AddSensorPlace(command, options->places);
  AddFormat(command, options->format);
  OnRun(command, invocation, [options, &invocation] { return EndJobStep(*options, invocation.err); });
}

void AddList(CLI::App& job, Invocation& invocation) {
  auto& command = AddPage(
      job, invocation, "list", "list running jobs, or all that were recorded",
      {.synopsis =
           "weir job list [--all [--since T] [--limit N] [--collector FILE | --state-dir DIR]] [--format table|json]",
       .description = "Jobs that the running sensor judges now; inside of a job that job only. One that has ended "
                      "stays in the list, as ended, while processes of it are left. With --all: every job that the "
                      "collector recorded, newest first.",
       .exit_status = kReviewExitStatus,
       .environment = kReviewEnvironment,
       .files = kReviewFiles,
       .examples = "weir job list\nweir job list --all --since 7d --format json"});
  auto options = std::make_shared<JobListOptions>();
  CLI::Option* all = command.add_flag("--all", options->all, "Recorded jobs, also those that ended");
  command.add_option("--since", options->since, "Only jobs that began since then: a span (2h, 7d) or a time")
      ->type_name("T")
      ->check([](const std::string& text) {
        const auto since = ParseSince(text, 0);
        return since ? std::string() : since.error().what;
      })
      ->needs(all);
  command.add_option("--limit", options->limit, "At most so many jobs, 1 to 10000; default 100")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000))
      ->needs(all);
  AddSensorPlace(command, options->places);
  AddReviewPlaces(command, options->places);
  // Running jobs are the sensor's to tell: a place of records that nobody reads would look as if it held none.
  for (const char* place : {"--collector", "--state-dir"}) command.get_option(place)->needs(all);
  AddFormat(command, options->format);
  OnRun(command, invocation, [options, &invocation] { return ListJobsStep(*options, invocation.out); });
}

void AddShow(CLI::App& job, Invocation& invocation) {
  auto& command = AddPage(job, invocation, "show", "show one recorded job",
                          {.synopsis = "weir job show --job ID [--format table|json]",
                           .description = "Times, counts and labels of a job. `weir report` tells the rest.",
                           .exit_status = kReviewExitStatus,
                           .environment = kReviewEnvironment,
                           .files = kReviewFiles,
                           .examples = "weir job show --job latest"});
  auto options = std::make_shared<JobListOptions>();
  AddJobId(command, options->job, true);
  AddReviewPlaces(command, options->places);
  AddFormat(command, options->format);
  OnRun(command, invocation, [options, &invocation] { return ShowJobStep(*options, invocation.out); });
}

}  // namespace

void AddJob(CLI::App& root, Invocation& invocation) {
  auto& command = AddPage(root, invocation, "job", "begin, join, end, list and show jobs",
                          {.synopsis = "weir job begin|join|end|list|show [OPTION...]",
                           .description = "`weir run` does all of it for one command. These are its steps, for runner "
                                          "hooks and for jobs of several commands; but for list and show they need a "
                                          "sensor that runs as a service.",
                           .exit_status = "",
                           .environment = "",
                           .files = "",
                           .examples = "weir job list --all"});
  command.require_subcommand(1);
  AddBegin(command, invocation);
  AddJoin(command, invocation);
  AddEnd(command, invocation);
  AddList(command, invocation);
  AddShow(command, invocation);
}

}  // namespace weir::cli
