// SPDX-License-Identifier: Apache-2.0
// `weir run`.
#include <CLI/CLI.hpp>
#include <memory>
#include <optional>

#include "collector/cli/commands/command.h"
#include "collector/cli/commands/commands.h"
#include "collector/cli/commands/job_end.h"
#include "collector/cli/commands/job_request.h"
#include "collector/cli/commands/run_child.h"
#include "collector/cli/host/child.h"
#include "collector/cli/host/exit_code.h"
#include "collector/cli/host/facts.h"
#include "collector/cli/remote/session.h"
#include "collector/cli/term/console.h"
#include "collector/cli/term/screen.h"

namespace weir::cli {
namespace {

struct Options {
  Places places = Places::FromEnvironment();
  JobFlags job;
  std::vector<std::string> reports;
  bool fail_on_deny = false;
  bool quiet = false;
};

int CannotStart(const Error& error) {
  Say(error.what);
  Say("the job was not started");
  const int code = ExitCodeOfBegin(error.code);
  if (code == kExitCannot) Say("`weir doctor` says what this machine has and what is missing");
  return code;
}

void SayBegin(const Options& options, const v1::BeginJobResponse& job) {
  if (options.quiet) return;
  for (const auto& warning : job.warnings()) Say(warning);
  for (const auto& reason : job.not_armed_reasons()) Say("not armed: " + reason);
}

// Everything after the policy is good and the child waits.
int RunJob(const Options& options, const JobRequest& wish, Child& child, const ReportSinks& sinks,
           const Screen& screen) {
  // Threads start in here: signals are taken before, the child was forked before.
  if (const auto taken = child.TakeSignals(); !taken) return CannotStart(taken.error());
  const auto session = Session::OpenForJobs(options.places);
  if (!session) return CannotStart(session.error());
  const auto begun = session->sensor().BeginJob(wish.request);
  if (!begun) return CannotStart(begun.error());
  SayBegin(options, *begun);
  const ChildOutcome outcome = RunInJob(child, session->sensor(), begun->job_id(), wish.request.command(0));
  EndWish end;
  end.job_id = begun->job_id();
  end.exit_status = outcome.status;
  end.mode = wish.request.mode();
  end.has_policy = !options.job.policy.file.empty() || !options.job.policy.allow.empty();
  end.armed = begun->armed();
  end.not_armed_reasons.assign(begun->not_armed_reasons().begin(), begun->not_armed_reasons().end());
  end.policy_path = PathInRepository(options.job.policy.file);
  end.quiet = options.quiet;
  const EndOutcome ended = EndJob(*session, end, sinks, screen);
  if (!outcome.started) return outcome.status;
  const bool fail_on_deny = options.fail_on_deny || wish.on_deny == policy::OnDeny::kFail;
  if (!ended.known && fail_on_deny && outcome.status == 0) return kExitNotArmed;
  return ExitCodeOfRun(outcome.status, ended.denied > 0, fail_on_deny);
}

int Run(const Options& options, const std::vector<std::string>& command_line, const Screen& screen) {
  if (const auto job = EnclosingJob()) {
    return CannotStart({Code::kPrivilege, 0,
                        "this process is already in job " + *job + ": jobs do not nest, and one cannot begin another"});
  }
  const auto sinks = ReportSinks::Open(options.reports);
  if (!sinks) {
    Say(sinks.error().what);
    return kExitUsage;
  }
  const auto wish = PrepareJob(options.job, command_line);
  if (!wish) return kExitPolicy;
  auto child = Child::Fork(command_line);
  if (!child) return CannotStart(child.error());
  return RunJob(options, *wish, *child, *sinks, screen);
}

Page RunPage() {
  return {
      .synopsis = "weir run [OPTION...] -- COMMAND [ARGUMENT...]",
      .description =
          "Runs COMMAND as a job: every process that descends from it and every destination that they speak to is "
          "judged by the kernel and recorded. Input, output, terminal, signals and exit status are COMMAND's own.\n\n"
          "The policy is read first. With a fault in it nothing is started. In block mode the job starts only when "
          "the kernel was seen to judge a trial connection as the policy says (armed).\n\n"
          "A running weir-sensor is asked when one answers; else one is started in this process, with a local "
          "database, which needs root. --cgroup-root, --pin-dir and --state-dir are about that one and imply "
          "--embedded. Up to 16 such runs can go on at once.\n\n"
          "COMMAND stays in the process group of weir. Ctrl-C and Ctrl-Z reach it from the terminal; SIGINT, SIGTERM, "
          "SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 that a process sends to weir are passed on. Processes that outlive "
          "COMMAND are named, and stay judged.",
      .exit_status =
          "any  that of COMMAND; 128 + N when signal N ended it, 127 when it was not found, 126 when it could "
          "not be executed\n"
          "10  COMMAND succeeded, egress was denied, and --fail-on-deny or the policy's `on_deny: fail` was "
          "given; in audit mode nothing is denied\n"
          "64  usage: unknown flag, no command, a report that could not be written there\n"
          "65  the policy is not valid; the job was not started\n"
          "69  not armed; the job was not started. With --fail-on-deny also: the job's end was not recorded\n"
          "77  missing privilege or kernel feature; the job was not started",
      .environment =
          "WEIR_SENSOR_SOCKET, WEIR_COLLECTOR_SOCKET  where running services listen\n"
          "WEIR_CGROUP_ROOT, WEIR_PIN_DIR, WEIR_STATE_DIR  for --cgroup-root, --pin-dir, --state-dir, without "
          "implying --embedded\n"
          "LOCALDOMAIN  search suffixes in place of resolv.conf's\nNO_COLOR  when set and not empty: no colours",
      .files =
          "/run/weir/sensor.sock, /run/weir/collector.sock  running services\n"
          "/var/lib/weir/collector.db  what embedded jobs recorded\n/sys/fs/bpf/weir  pinned programs and maps\n"
          "/etc/resolv.conf  the job's trusted resolvers",
      .examples =
          "weir run -- make test\n"
          "weir run --policy .github/egress.yml --mode block --report job.html -- npm ci\n"
          "weir run --mode block --allow example.org:443 --fail-on-deny -- ./build.sh\n"
          "weir run --report \"md:$GITHUB_STEP_SUMMARY\" --report weir.sarif -- make release"};
}

void AddPlaces(CLI::App& command, Places& places) {
  const auto embedded = [&places] { places.sensor = Places::Which::kEmbedded; };
  const auto place = [&](const char* name, std::string& value, const char* description) {
    return command
        .add_option_function<std::string>(
            name,
            [&value, embedded](const std::string& text) {
              value = text;
              embedded();
            },
            description)
        ->type_name("DIR");
  };
  CLI::Option* sensor = command
                            .add_option_function<std::string>(
                                "--sensor",
                                [&places](const std::string& path) {
                                  places.sensor_socket = path;
                                  places.sensor = Places::Which::kRunning;
                                },
                                "Use the sensor on this unix socket, and no other")
                            ->type_name("FILE");
  command.add_option("--collector", places.collector_socket, "Where the running sensor's collector answers")
      ->type_name("FILE");
  command.add_flag_callback("--embedded", embedded, "Start a sensor in this process although one is running")
      ->excludes(sensor);
  place("--cgroup-root", places.cgroup_root, "Cgroup to attach to; default: the cgroup2 mount")->excludes(sensor);
  place("--pin-dir", places.pin_dir, "Directory in a BPF file system for programs and maps; default /sys/fs/bpf/weir")
      ->excludes(sensor);
  place("--state-dir", places.state_dir, "Directory of the local database; default /var/lib/weir")->excludes(sensor);
}

}  // namespace

void AddRun(CLI::App& root, Invocation& invocation) {
  auto& command =
      AddPage(root, invocation, "run", "run a command as a job: watched, and held to an allowlist", RunPage());
  auto options = std::make_shared<Options>();
  AddJobFlags(command, "--job", options->job);
  command
      .add_option(
          "--report", options->reports,
          "Write a report when the job ended; the extension .json, .md, .html or .sarif says which. '-' is Markdown "
          "on standard output; FORMAT:FILE names the format where the file's name does not")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->check([](const std::string& text) {
        const auto wish = ParseReportWish(text);
        return wish ? std::string() : wish.error().what;
      });
  command.add_flag("--fail-on-deny", options->fail_on_deny, "Exit with 10 when COMMAND succeeds but egress was denied");
  command.add_flag("--quiet", options->quiet, "No summary and no warnings of the sensor; errors are still said");
  AddPlaces(command, options->places);
  OnRunCommand(command, invocation, [options, &invocation](const std::vector<std::string>& command_line) {
    return Run(*options, command_line, invocation.err);
  });
}

}  // namespace weir::cli
