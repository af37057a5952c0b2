// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/options.h"

#include <CLI/CLI.hpp>

#include <cstdio>

#include "args/page.h"
#include "settings/settings.h"

namespace weir {
namespace {

constexpr int kExitUsage = 64;  // EX_USAGE, sysexits.h

std::string Listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string AboutHost() {
  const SensorConfig defaults;
  return "Outside of a job that has the whole host stay init.scope and, by default, " + Listed(defaults.host_exempt) +
         ". Its runners may reach, by default, " + Listed(defaults.runner_endpoints) + ".";
}

args::Page Manual() {
  return {
      .synopsis = "weir-sensor [OPTION...]",
      .description =
          "weir-sensor watches and limits what CI jobs of this host send out. It loads the eBPF programs, begins and "
          "ends jobs for `weir`, and streams what it sees to a collector.\n\n"
          "It runs as root, one a host. When it is killed, enforcement holds; the next one takes the running jobs "
          "over and tells the gap.",
      .exit_status =
          "0  stopped by SIGTERM or SIGINT, or --check-config found no fault\n"
          "64  usage: an option or the configuration is wrong\n"
          "69  not armed, or the socket or state directory cannot be used\n"
          "77  a privilege or a kernel feature is missing; the message says which",
      .environment = "WEIR_CGROUP_ROOT  default of --cgroup-root",
      .files =
          "/etc/weir/sensor.yml  settings\n"
          "/run/weir/sensor.sock  control; who is at the other end decides what it may ask\n"
          "/sys/fs/bpf/weir  pinned programs and maps\n"
          "/etc/weir/runners  runners whose hooks may begin jobs; see weir runner install\n"
          "/var/lib/weir/sensor  running jobs, and the records of ended ones",
      .examples =
          "weir-sensor\n"
          "weir-sensor --collector unix:/run/weir/collector.sock --log-format json\n"
          "weir-sensor --check-config --cgroup-root /sys/fs/cgroup",
      .see_also = "weir(1), weir-collector(8); /usr/share/doc/weir-sensor/operations.md",
      .further = {{"SETTINGS FILE", kAboutSettings}, {"THE WHOLE HOST", AboutHost()}}};
}

}  // namespace

std::optional<SensorOptions> ParseSensorOptions(int argc, char** argv, int& exit_code) {
  SensorOptions options;
  std::string cgroup_root, jobs_cgroup, pin_directory = options.config.pin_directory,
                                        state = options.config.state_directory,
                                        runners = options.config.runners_directory;
  CLI::App app("watch and limit what CI jobs of this host send out", "weir-sensor");
  app.formatter(args::ManualPage(Manual(), /*columns=*/0));
  app.set_help_flag("-h,--help", "Print this page");
  app.set_version_flag("--version", std::string("weir-sensor ") + WEIR_VERSION, "Print the version of this program");
  AddSettingsOption(app, "/etc/weir/sensor.yml");
  app.add_option("--cgroup-root", cgroup_root, "Cgroup at which the programs attach. Default: the cgroup2 mount")
      ->type_name("DIR");
  app.add_option(
         "--jobs-cgroup", jobs_cgroup,
         "Cgroup below the root in which jobs live, in weir/; as of a unit with Delegate=yes. Default: the root")
      ->type_name("DIR");
  app.add_option("--pin-dir", pin_directory, "Directory in a BPF file system")->type_name("DIR")->capture_default_str();
  app.add_option("--state-dir", state, "Running jobs and records")->type_name("DIR")->capture_default_str();
  app.add_option("--runners-dir", runners, "Runners whose hooks may begin jobs, a file each")
      ->type_name("DIR")
      ->capture_default_str();
  app.add_option("--socket", options.socket, "Unix socket for control")->type_name("FILE")->capture_default_str();
  app.add_option("--collector", options.collector, "gRPC address of the collector; '' for none")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--sensor-name", options.config.sensor_name, "Name in the collector. Default: the host's name")
      ->type_name("NAME");
  app.add_option("--events-ring-bytes", options.config.events_ring_bytes,
                 "Size of the ring for allowed traffic and processes; a power of two. Default: 8 MiB")
      ->type_name("BYTES");
  app.add_option("--denials-ring-bytes", options.config.denials_ring_bytes,
                 "Size of the ring for denials and findings. Default: 2 MiB")
      ->type_name("BYTES");
  app.add_option("--max-jobs", options.config.max_jobs, "How many jobs may run at once")
      ->type_name("N")
      ->capture_default_str();
  app.add_option(
         "--host-exempt", options.config.host_exempt,
         "Cgroups that stay outside of a job with the whole host: names, or paths from the root; * for anything. "
         "Default: as THE WHOLE HOST says")
      ->type_name("PATTERN");
  app.add_option("--runner-endpoints", options.config.runner_endpoints,
                 "What a runner itself needs in a job with the whole host; for its executables only. Default: likewise")
      ->type_name("ENDPOINT");
  app.add_option("--unit", options.unit,
                 "The systemd unit that this is: while jobs run, `systemctl stop` and `restart` of it are refused")
      ->type_name("NAME");
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  app.add_option("--log-format", options.log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("--check-config", options.check_config, "Check options and settings, print every fault, and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : kExitUsage;
    return std::nullopt;
  }
  if (auto read = ReadSettings(app, {"check-config", "unit"}); !read) {
    std::fprintf(stderr, "%s\n", read.error().what.c_str());
    exit_code = kExitUsage;
    return std::nullopt;
  }
  options.config.cgroup_root = cgroup_root;
  options.config.jobs_cgroup = jobs_cgroup;
  options.config.pin_directory = pin_directory;
  options.config.state_directory = state;
  options.config.runners_directory = runners;
  return options;
}

}  // namespace weir
