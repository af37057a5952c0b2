// SPDX-License-Identifier: Apache-2.0
// Asks the sensor's control service from wherever it is run: control_probe SOCKET list|status|end|begin [JOB_ID]
// Exit status: the gRPC status code. For `list`: prints a job id a line.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "weir/v1/control.grpc.pb.h"

int main(int argc, char** argv) {
  if (argc < 3) return 64;
  const std::string call = argv[2], job_id = argc > 3 ? argv[3] : "";
  auto stub = weir::v1::SensorControl::NewStub(
      grpc::CreateChannel(std::string("unix:") + argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::Status status;
  if (call == "list") {
    weir::v1::ListJobsResponse response;
    status = stub->ListJobs(&context, {}, &response);
    for (const auto& job : response.jobs()) std::printf("%s\n", job.job_id().c_str());
  } else if (call == "status") {
    weir::v1::GetStatusResponse response;
    status = stub->GetStatus(&context, {}, &response);
    std::printf("%s %d\n", response.version().c_str(), response.programs_size());
  } else if (call == "end") {
    weir::v1::EndJobRequest request;
    weir::v1::EndJobResponse response;
    request.set_job_id(job_id);
    status = stub->EndJob(&context, request, &response);
  } else {
    weir::v1::BeginJobRequest request;
    weir::v1::BeginJobResponse response;
    request.set_name("probe");
    status = stub->BeginJob(&context, request, &response);
  }
  std::fprintf(stderr, "%s\n", status.error_message().c_str());
  return static_cast<int>(status.error_code());
}
