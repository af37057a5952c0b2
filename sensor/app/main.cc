// SPDX-License-Identifier: Apache-2.0
// weir-sensor: options, one signal path, exit code.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>

#include "sensor/app/options.h"
#include "sensor/app/run.h"

namespace {

constexpr int kExitUsage = 64;  // EX_USAGE

void SetUpLog(const weir::SensorOptions& options) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("weir-sensor"));
  spdlog::set_level(spdlog::level::from_str(options.log_level));
  spdlog::set_pattern(options.log_format == "json" ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":"%v"})"
                                                   : "%Y-%m-%dT%H:%M:%S.%e%z %l %v");
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = weir::ParseSensorOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  SetUpLog(*options);
  if (const auto valid = weir::Validate(options->config); !valid) {
    spdlog::error("{}", valid.error().what);
    return kExitUsage;
  }
  if (options->check_config) return 0;
  // Blocked before any thread is made, so that only sigwait gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);  // taken and passed over: a closed terminal is no reason to stop
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return weir::RunSensor(*options, signals);
}
