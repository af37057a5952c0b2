// SPDX-License-Identifier: Apache-2.0
// The sensor's control service, seen from a client.
#pragma once

#include <memory>
#include <string>

#include "sensor/base/result.h"
#include "weir/v1/control.pb.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace weir::cli {

/// Calls block, with deadlines that leave time for canaries and for a job's processes to end. Any thread.
class SensorEnd {
 public:
  /// `peer` names the other side in messages. Nothing is sent yet.
  SensorEnd(std::shared_ptr<grpc::Channel> channel, std::string peer);
  SensorEnd(SensorEnd&&) noexcept;
  SensorEnd& operator=(SensorEnd&&) noexcept;
  ~SensorEnd();

  /// kUnavailable when nothing listens on `socket`.
  [[nodiscard]] static Result<SensorEnd> Connect(const std::string& socket);

  [[nodiscard]] Result<v1::BeginJobResponse> BeginJob(const v1::BeginJobRequest& request) const;
  [[nodiscard]] Result<v1::JoinJobResponse> JoinJob(const std::string& job_id, int pid) const;
  [[nodiscard]] Result<v1::EndJobResponse> EndJob(const std::string& job_id, int exit_status) const;
  [[nodiscard]] Result<v1::ListJobsResponse> ListJobs() const;
  [[nodiscard]] Result<v1::GetStatusResponse> GetStatus() const;

 private:
  struct Stub;
  std::unique_ptr<Stub> stub_;
  std::string peer_;
};

}  // namespace weir::cli
