// SPDX-License-Identifier: Apache-2.0
// weir-collector: options, one signal path, exit code.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>

#include <csignal>

#include "collector/app/collector.h"
#include "collector/app/listen.h"
#include "collector/app/options.h"
#include "sensor/base/service_manager.h"

namespace {

constexpr int kExitUsage = 64;        // EX_USAGE
constexpr int kExitUnavailable = 69;  // EX_UNAVAILABLE
constexpr std::chrono::seconds kGrace{5};

/// What weakens the evidence is said at each start.
void Warn(const weir::CollectorConfig& config) {
  if (config.insecure_listen) spdlog::warn("--insecure-listen: connections are neither encrypted nor authenticated");
  for (const std::string& text : config.listen) {
    const auto address = weir::collector::ParseListen(text);
    if (!address || address->is_unix) continue;
    spdlog::warn("{}: every process {}, those of jobs included, can read and forge evidence there", text,
                 address->loopback ? "of this host" : "that reaches it");
  }
}

void LogDatabase(const weir::Error* failure) {
  if (failure != nullptr) {
    spdlog::error("nothing can be stored, sensors keep their events: {}", failure->what);
  } else {
    spdlog::info("the database takes events again");
  }
}

void Tell(const weir::ServiceManager& manager, const char* state) {
  if (const auto told = manager.Tell(state); !told) spdlog::warn("{}", told.error().what);
}

int Run(weir::collector::Options options, const sigset_t& signals) {
  const auto manager = weir::ServiceManager::FromEnvironment();
  Warn(options.config);
  options.config.on_database = LogDatabase;
  auto collector = weir::Collector::Open(options.config);
  if (!collector) {
    spdlog::error("{}", collector.error().what);
    return kExitUnavailable;
  }
  for (const std::string& address : options.config.listen) spdlog::info("serves on {}", address);
  spdlog::info("ready, database {}", options.config.database.string());
  Tell(manager, "READY=1");
  int signal = 0;
  sigwait(&signals, &signal);
  Tell(manager, "STOPPING=1");
  spdlog::info("stops on signal {}", signal);
  (*collector)->Shutdown(kGrace);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = weir::collector::ParseOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  spdlog::set_default_logger(spdlog::stderr_logger_mt("weir-collector"));
  spdlog::set_level(spdlog::level::from_str(options->log_level));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  if (const auto valid = weir::Validate(options->config); !valid) {
    spdlog::error("{}", valid.error().what);
    return kExitUsage;
  }
  if (options->check_config) return 0;
  // The socket is opened to its group (0660) only after it was made; nobody else gets in meanwhile.
  ::umask(0077);
  // Blocked before any thread is made, so that only sigwait gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return Run(*options, signals);
}
