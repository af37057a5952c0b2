// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/run.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <string>
#include <vector>

#include "sensor/app/sensor.h"
#include "sensor/app/stop_refusal.h"
#include "sensor/base/service_manager.h"
#include "sensor/bpf/kept.h"
#include "sensor/control/service.h"

namespace weir {
namespace {

constexpr int kExitNotArmed = 69;
constexpr int kExitPrivilege = 77;
constexpr std::chrono::milliseconds kGrace{5000};
constexpr int kKeepaliveMs = 30000;
constexpr long kTick_ns = 500'000'000;

std::shared_ptr<grpc::Channel> Connect(const std::string& collector) {
  if (collector.empty()) return nullptr;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  return grpc::CreateCustomChannel(collector, grpc::InsecureChannelCredentials(), arguments);
}

/// A BPF file system that was unmounted took the pins along; what the service manager kept is pinned again. It is told
/// to forget it then: a link that it keeps would keep a program attached beside the one that replaces it.
void TakeBack(ServiceManager& manager, const std::filesystem::path& pin_directory) {
  const std::vector<KeptFd> kept = manager.TakeKept();
  const auto restored = sensor_bpf::RestorePins(pin_directory, kept);
  if (!restored) return spdlog::warn("{}", restored.error().what);
  if (*restored > 0) spdlog::warn("{} pins were gone from {}: made again", *restored, pin_directory.string());
  for (const KeptFd& one : kept) {
    if (const auto told = manager.Forget(one.name); !told) return spdlog::warn("{}", told.error().what);
  }
}

void HandOver(const ServiceManager& manager, const std::filesystem::path& pin_directory) {
  for (const KeptFd& pin : sensor_bpf::OpenPins(pin_directory)) {
    if (const auto kept = manager.Keep(pin.name, pin.fd.get()); !kept) return spdlog::warn("{}", kept.error().what);
  }
}

void Tell(const ServiceManager& manager, std::string_view state) {
  if (const auto told = manager.Tell(state); !told) spdlog::warn("{}", told.error().what);
}

/// Until a signal ends the sensor, and returns that. Meanwhile the service manager hears that it lives. A sensor that
/// hangs says nothing and is started anew: verdicts hold, and the records show the gap.
int AwaitStop(const Sensor& sensor, const ServiceManager& manager, StopRefusal& refusal, const sigset_t& signals) {
  std::string complaint;
  while (true) {
    const timespec tick{0, kTick_ns};
    const int signal = ::sigtimedwait(&signals, nullptr, &tick);
    if (signal > 0 && signal != SIGHUP) return signal;
    if (manager.watchdog() && sensor.SinceHeartbeat() < *manager.watchdog() / 2) Tell(manager, "WATCHDOG=1");
    const Result<> refused = refusal.Update(sensor.RunningJobs() > 0);
    const std::string fault = refused ? std::string() : refused.error().what;
    if (!fault.empty() && fault != complaint) spdlog::warn("{}", fault);
    complaint = fault;
  }
}

int ExitCode(const Error& error) {
  return error.code == Code::kPrivilege || error.code == Code::kUnsupported ? kExitPrivilege : kExitNotArmed;
}

}  // namespace

int RunSensor(const SensorOptions& options, const sigset_t& signals) {
  ServiceManager manager = ServiceManager::FromEnvironment();
  TakeBack(manager, options.config.pin_directory);
  auto sensor = Sensor::Create(options.config, Connect(options.collector));
  if (!sensor) {
    spdlog::error("{}", sensor.error().what);
    return ExitCode(sensor.error());
  }
  control::ControlObserver observer;
  observer.refused = [](const std::string& job_id, const std::string& call, pid_t pid) {
    spdlog::warn("refused {} of process {} inside job {}", call, pid, job_id);
  };
  auto server = control::ControlServer::Start({options.socket}, **sensor, observer);
  if (!server) {
    spdlog::error("{}", server.error().what);
    return ExitCode(server.error());
  }
  const SensorStatus status = (*sensor)->Status();
  for (const std::string& reason : status.not_armed_reasons) spdlog::error("not armed: {}", reason);
  for (const std::string& fault : status.start_faults) spdlog::error("{}", fault);
  for (const JobView& job : (*sensor)->ListJobs())
    spdlog::warn("{} job {} ({})", job.ended ? "goes on judging what is left of" : "goes on with", job.job_id,
                 job.name);
  HandOver(manager, status.pin_directory);
  // Never "ready" when not armed: what is ordered after the sensor must not start.
  Tell(manager, status.armed ? "READY=1\nSTATUS=armed" : "STATUS=not armed: " + status.not_armed_reasons.front());
  spdlog::info("{}, cgroup root {}, control on {}", status.armed ? "armed" : "not armed", status.cgroup_root.string(),
               options.socket);
  StopRefusal refusal(options.unit);
  const int signal = AwaitStop(**sensor, manager, refusal, signals);
  Tell(manager, "STOPPING=1");
  spdlog::info("stops on signal {}", signal);
  (*server)->Shutdown(kGrace);
  const std::size_t left = (*sensor)->ListJobs().size();
  if (left) spdlog::warn("{} jobs go on without a sensor; they stay judged. Start it again to take them over", left);
  return 0;
}

}  // namespace weir
