// SPDX-License-Identifier: Apache-2.0
// The handlers of SensorControl: validate, look up, act, render.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "sensor/app/sensor.h"
#include "sensor/control/service.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir::control {

/// Who is at the other end of a connection.
struct Peer {
  pid_t pid = 0;
  bool full_control = false;          ///< uid 0 outside every scope, or in process
  std::optional<std::string> job_id;  ///< inside this job's scope
};

/// Tells the peer of a call from grpc::ServerContext::peer().
using FindPeer = std::function<Peer(const std::string& grpc_peer)>;

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

 private:
  /// OK, or PERMISSION_DENIED and a finding of the job that asked.
  grpc::Status MayChange(const grpc::ServerContext& context, const std::string& call);

  Sensor& sensor_;
  FindPeer find_peer_;
  ControlObserver observer_;
};

/// The only place where an Error becomes a status.
[[nodiscard]] grpc::Status ToStatus(const Error& error);

}  // namespace weir::control
