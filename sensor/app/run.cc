// SPDX-License-Identifier: Apache-2.0
#include "sensor/app/run.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>

#include "sensor/app/sensor.h"
#include "sensor/base/fd.h"
#include "sensor/control/service.h"

namespace weir {
namespace {

constexpr int kExitNotArmed = 69;
constexpr int kExitPrivilege = 77;
constexpr std::chrono::milliseconds kGrace{5000};
constexpr int kKeepaliveMs = 30000;

/// sd_notify(3) without the library: one datagram. No NOTIFY_SOCKET, no manager that waits.
void NotifyManager(const char* state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (!path || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof(address.sun_path)) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  if (::sendto(fd.get(), state, std::strlen(state), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size) <
      0)
    spdlog::warn("the service manager could not be told {}: {}", state, std::strerror(errno));
}

std::shared_ptr<grpc::Channel> Connect(const std::string& collector) {
  if (collector.empty()) return nullptr;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  return grpc::CreateCustomChannel(collector, grpc::InsecureChannelCredentials(), arguments);
}

int ExitCode(const Error& error) {
  return error.code == Code::kPrivilege || error.code == Code::kUnsupported ? kExitPrivilege : kExitNotArmed;
}

}  // namespace

int RunSensor(const SensorOptions& options, const sigset_t& signals) {
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
  if (status.armed) NotifyManager("READY=1");
  spdlog::info("{}, cgroup root {}, control on {}", status.armed ? "armed" : "not armed", status.cgroup_root.string(),
               options.socket);
  int signal = 0;
  do {
    sigwait(&signals, &signal);
  } while (signal == SIGHUP);
  NotifyManager("STOPPING=1");
  spdlog::info("stops on signal {}", signal);
  (*server)->Shutdown(kGrace);
  const std::size_t left = (*sensor)->ListJobs().size();
  if (left) spdlog::warn("{} jobs go on without a sensor; they stay judged. Start it again to take them over", left);
  return 0;
}

}  // namespace weir
