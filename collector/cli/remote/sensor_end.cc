// SPDX-License-Identifier: Apache-2.0
#include "collector/cli/remote/sensor_end.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <utility>

#include "collector/cli/host/places.h"
#include "collector/cli/remote/call.h"
#include "weir/v1/control.grpc.pb.h"

namespace weir::cli {
namespace {

using Service = v1::SensorControl::Stub;
using std::chrono::seconds;

constexpr seconds kChange{60};  // EndJob alone may wait 2 s for processes, 5 s for the collector, and a canary
constexpr seconds kRead{10};

}  // namespace

struct SensorEnd::Stub {
  std::unique_ptr<Service> service;
};

SensorEnd::SensorEnd(std::shared_ptr<grpc::Channel> channel, std::string peer)
    : stub_(std::make_unique<Stub>(Stub{v1::SensorControl::NewStub(std::move(channel))})), peer_(std::move(peer)) {}
SensorEnd::SensorEnd(SensorEnd&&) noexcept = default;
SensorEnd& SensorEnd::operator=(SensorEnd&&) noexcept = default;
SensorEnd::~SensorEnd() = default;

Result<SensorEnd> SensorEnd::Connect(const std::string& socket) {
  WEIR_TRY(ProbeSocket(socket));
  return SensorEnd(grpc::CreateChannel("unix:" + socket, grpc::InsecureChannelCredentials()),
                   "the sensor on " + socket);
}

Result<v1::BeginJobResponse> SensorEnd::BeginJob(const v1::BeginJobRequest& request) const {
  return Call(*stub_->service, &Service::BeginJob, request, peer_, kChange);
}

Result<v1::JoinJobResponse> SensorEnd::JoinJob(const std::string& job_id, int pid) const {
  v1::JoinJobRequest request;
  request.set_job_id(job_id);
  request.set_pid(pid);
  return Call(*stub_->service, &Service::JoinJob, request, peer_, kChange);
}

Result<v1::EndJobResponse> SensorEnd::EndJob(const std::string& job_id, int exit_status) const {
  v1::EndJobRequest request;
  request.set_job_id(job_id);
  request.set_exit_status(exit_status);
  return Call(*stub_->service, &Service::EndJob, request, peer_, kChange);
}

Result<v1::ListJobsResponse> SensorEnd::ListJobs() const {
  return Call(*stub_->service, &Service::ListJobs, v1::ListJobsRequest(), peer_, kRead);
}

Result<v1::GetStatusResponse> SensorEnd::GetStatus() const {
  return Call(*stub_->service, &Service::GetStatus, v1::GetStatusRequest(), peer_, kRead);
}

}  // namespace weir::cli
