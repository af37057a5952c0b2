// SPDX-License-Identifier: Apache-2.0
#include "collector/app/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "settings/settings.h"

namespace weir::collector {
namespace {

constexpr int kExitUsage = 64;  // EX_USAGE, sysexits.h
constexpr char kDefaultDatabase[] = "/var/lib/weir/collector.db";
constexpr char kDefaultListen[] = "unix:/run/weir/collector.sock";

constexpr char kDescription[] =
    R"(weir-collector takes what sensors saw in CI jobs, keeps it in one SQLite file and
answers the questions of `weir` about it: jobs, destinations, processes, reports,
policy suggestions.

It needs no privilege: run it as a user of its own that owns the database.)";

constexpr char kFooter[] =
    R"(DURABILITY
  A batch of events is acknowledged when it is synced to disk, never before. Sending
  a batch again changes nothing. When the disk or --max-db-bytes is full, nothing is
  acknowledged; sensors keep their events and send them again.

SETTINGS FILE
  The options above by their names, in YAML: `max_db_bytes: 20GiB`. The command line
  goes first, then the file, then the defaults.

FILES
  /etc/weir/collector.yml          settings
  /var/lib/weir/collector.db       the database; -wal and -shm beside it belong to it
  /run/weir/collector.sock         the default socket, mode 0660

EXIT STATUS
  0   stopped by SIGTERM or SIGINT, or --check-config found no fault
  64  usage: an option or the configuration is wrong
  69  the database or an address cannot be used

EXAMPLES
  weir-collector
  weir-collector --db ./weir.db --listen unix:/run/user/1000/weir.sock
  weir-collector --check-config --listen unix:/run/weir/collector.sock

SEE ALSO
  weir(1), weir-sensor(8); docs/operations.md)";

}  // namespace

std::optional<Options> ParseOptions(int argc, char** argv, int& exit_code) {
  Options options;
  std::string database = kDefaultDatabase;
  options.config.listen = {kDefaultListen};
  CLI::App app(kDescription, "weir-collector");
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("weir-collector ") + WEIR_VERSION);
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
