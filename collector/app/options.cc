// SPDX-License-Identifier: Apache-2.0
#include "collector/app/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "args/page.h"
#include "settings/settings.h"

namespace weir::collector {
namespace {

constexpr int kExitUsage = 64;  // EX_USAGE, sysexits.h
constexpr char kDefaultDatabase[] = "/var/lib/weir/collector.db";
constexpr char kDefaultListen[] = "unix:/run/weir/collector.sock";

args::Page Manual() {
  return {
      .synopsis = "weir-collector [OPTION...]",
      .description =
          "weir-collector takes what sensors saw in CI jobs, keeps it in one SQLite file and answers the questions "
          "of `weir` about it: jobs, destinations, processes, reports, policy suggestions.\n\n"
          "It needs no privilege: run it as a user of its own that owns the database.",
      .exit_status =
          "0  stopped by SIGTERM or SIGINT, or --check-config found no fault\n"
          "64  usage: an option or the configuration is wrong\n"
          "69  the database or an address cannot be used",
      .environment = "",
      .files =
          "/etc/weir/collector.yml  settings\n"
          "/var/lib/weir/collector.db  the database; -wal and -shm beside it belong to it\n"
          "/run/weir/collector.sock  the default socket, mode 0660",
      .examples =
          "weir-collector\n"
          "weir-collector --db ./weir.db --listen unix:/run/user/1000/weir.sock\n"
          "weir-collector --check-config --listen unix:/run/weir/collector.sock",
      .see_also = "weir(1), weir-sensor(8); /usr/share/doc/weir-collector/operations.md",
      .further = {{"DURABILITY",
                   "A batch of events is acknowledged when it is synced to disk, never before. Sending a batch again "
                   "changes nothing. When the disk or --max-db-bytes is full, nothing is acknowledged; sensors keep "
                   "their events and send them again."},
                  {"SETTINGS FILE", kAboutSettings}}};
}

}  // namespace

std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code) {
  Options options;
  std::string database = kDefaultDatabase;
  options.config.listen = {kDefaultListen};
  CLI::App app("keep what sensors saw in CI jobs, and answer questions about it", "weir-collector");
  app.formatter(args::ManualPage(Manual(), /*columns=*/0));
  app.set_help_flag("-h,--help", "Print this page");
  app.set_version_flag("--version", std::string("weir-collector ") + WEIR_VERSION, "Print the version of this program");
  AddSettingsOption(app, "/etc/weir/collector.yml");
  app.add_option("--db", database, "SQLite file; made when it does not exist")
      ->type_name("FILE")
      ->capture_default_str();
  app.add_option("--listen", options.config.listen,
                 "Where to serve: unix:/path or host:port; may be given again. TCP is served on loopback only, where "
                 "every process "
                 "of the host, jobs included, can read and forge evidence: prefer a unix socket")
      ->type_name("ADDRESS")
      ->capture_default_str();
  app.add_option("--max-db-bytes", options.config.max_database_bytes,
                 "Refuse events beyond this size of the database, e.g. 20GiB; 0: no bound")
      ->type_name("SIZE")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_flag("--insecure-listen", options.config.insecure_listen,
               "Let --listen name addresses that other hosts reach, unencrypted and unauthenticated: anybody there can "
               "read and forge evidence");
  app.add_flag("--check-config", options.check_config, "Check options and settings, print every fault, and exit");
  app.add_option("--log-level", options.log_level, "How much to log to standard error")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : kExitUsage;
    return std::nullopt;
  }
  if (auto read = ReadSettings(app); !read) {
    std::fprintf(stderr, "%s\n", read.error().what.c_str());
    exit_code = kExitUsage;
    return std::nullopt;
  }
  options.config.database = database;
  return options;
}

}  // namespace weir::collector
