// SPDX-License-Identifier: Apache-2.0
// The handlers of SensorControl: validate, look up, act, render.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "sensor/app/sensor.h"
#include "sensor/control/service.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir::control {

/// Who is at the other end of a connection.
struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  bool full_control = false;          ///< uid 0 outside every scope, or in process
  std::optional<std::string> job_id;  ///< inside this job's scope
};

/// Tells the peer of a call from grpc::ServerContext::peer().
using FindPeer = std::function<Peer(const std::string& grpc_peer)>;

/// Which of many refusals are told: the first, the second, the fourth and so on of each job, so that a job cannot fill
/// logs and push other events out by asking. Any thread.
class RefusalCount {
 public:
  /// How often `job_id` was refused so far, this one included, when that is to be told; else 0.
  [[nodiscard]] std::uint64_t Next(const std::string& job_id);

 private:
  std::mutex mutex_;
  std::map<std::string, std::uint64_t> refused_;
};

class Handlers final : public v1::SensorControl::Service {
 public:
  Handlers(Sensor& sensor, FindPeer find_peer, ControlObserver observer)
      : sensor_(sensor), find_peer_(std::move(find_peer)), observer_(std::move(observer)) {}

  grpc::Status BeginJob(grpc::ServerContext* context, const v1::BeginJobRequest* request,
                        v1::BeginJobResponse* response) override;
  grpc::Status JoinJob(grpc::ServerContext* context, const v1::JoinJobRequest* request,
                       v1::JoinJobResponse* response) override;
  grpc::Status EndJob(grpc::ServerContext* context, const v1::EndJobRequest* request,
                      v1::EndJobResponse* response) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;

  /// A connection was closed at once: the peer's job has too many.
  void TellTooMany(const Peer& peer) { Tell(peer, "one more connection"); }

 private:
  void Tell(const Peer& peer, const std::string& call);
  /// OK, or PERMISSION_DENIED and a finding of the job that asked.
  grpc::Status MayChange(const grpc::ServerContext& context, const std::string& call);

  Sensor& sensor_;
  FindPeer find_peer_;
  ControlObserver observer_;
  RefusalCount refusals_;
};

/// The only place where an Error becomes a status.
[[nodiscard]] grpc::Status ToStatus(const Error& error);

}  // namespace weir::control
