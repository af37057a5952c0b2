// SPDX-License-Identifier: Apache-2.0
// SensorControl over gRPC: in process, and on a unix socket where the peer decides what it may do.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "sensor/base/result.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace weir {
class Sensor;
}  // namespace weir

namespace weir::control {

struct ControlConfig {
  /// Unix socket to serve on; its directory is made (0755) when it does not exist. Empty: only in-process channels.
  std::filesystem::path socket;
};

/// What the service tells the application; called on gRPC's threads.
struct ControlObserver {
  /// A peer inside a job asked for what is not for it. Told at the 1st, 2nd, 4th, 8th … refusal of a job.
  std::function<void(const std::string& job_id, const std::string& call, pid_t pid)> refused;
};

/// Owner of the gRPC servers and of the accept thread. `sensor` must outlive it. Everything may be called from any
/// thread.
///
/// A peer with uid 0 outside every job's scope has full control. Every other peer outside may list jobs and ask for the
/// status; the hook of an enrolled runner may begin the job of its own Runner.Worker (Sensor::BeginRunnerJob). A peer
/// inside a job's scope sees only its own job, whatever its uid. Peers that may only read have a bounded number of
/// connections.
class ControlServer {
 public:
  /// A stale socket is replaced, a live one is kExists.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> Start(const ControlConfig& config, Sensor& sensor,
                                                                    ControlObserver observer = {});
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  /// Full control without a socket, for the process that owns the sensor.
  [[nodiscard]] std::shared_ptr<grpc::Channel> InProcessChannel();

  /// Stops accepting, waits up to `grace` for running calls, then cancels them.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  struct Parts;
  explicit ControlServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir::control
