// SPDX-License-Identifier: Apache-2.0
#include "collector/app/collector.h"

#include <grpcpp/grpcpp.h>
#include <sys/stat.h>

#include <mutex>
#include <system_error>
#include <utility>

#include "collector/app/listen.h"
#include "collector/ingest/service.h"
#include "collector/ingest/writer.h"
#include "collector/query/service.h"
#include "collector/rpc/client.h"
#include "collector/rpc/limits.h"
#include "collector/rpc/workers.h"
#include "collector/store/store.h"

namespace weir {
namespace {

using collector::ListenAddress;
using collector::ParseListen;
using collector::PrepareSocket;

constexpr std::chrono::milliseconds kDefaultGrace{2000};
constexpr std::uint64_t kMinDatabaseBytes = std::uint64_t{1} << 20;
// What a message may hold beyond the batch's own bound: framing, and the fields of the batch itself.
constexpr int kReceiveSlackBytes = 64 << 10;
constexpr mode_t kSocketMode = 0660;

Result<> MakeDirectory(const std::filesystem::path& directory) {
  if (directory.empty()) return {};
  std::error_code error;
  if (std::filesystem::create_directories(directory, error)) {
    // What jobs did is nobody else's business.
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, error);
  }
  if (error) return FailErrno("cannot make the database's directory " + directory.string(), error.value());
  return {};
}

/// Starts `server` on all addresses of a valid configuration.
Result<std::unique_ptr<grpc::Server>> Serve(const CollectorConfig& config, std::vector<grpc::Service*> services) {
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(static_cast<int>(rpc::kMaxEventBytes) + kReceiveSlackBytes);
  builder.SetMaxSendMessageSize(rpc::kMaxAnswerBytes);
  // Two servers on one port would each get some of the sensors.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::vector<ListenAddress> addresses;
  std::vector<int> ports(config.listen.size(), 0);
  for (std::size_t i = 0; i < config.listen.size(); ++i) {
    auto address = ParseListen(config.listen[i]);
    if (!address) return tl::unexpected<Error>(std::move(address).error());
    if (address->is_unix) WEIR_TRY(PrepareSocket(address->path));
    const std::string target = address->is_unix ? "unix:" + address->path : address->host_port;
    builder.AddListeningPort(target, grpc::InsecureServerCredentials(), &ports[i]);
    addresses.push_back(std::move(*address));
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (ports[i] == 0)
      return Fail(Code::kUnavailable, "cannot listen on " + config.listen[i] + ": is it in use, or not this host's?");
  }
  if (!server) return Fail(Code::kInternal, "the gRPC server does not start");
  for (const ListenAddress& address : addresses) {
    if (address.is_unix && ::chmod(address.path.c_str(), kSocketMode) != 0) {
      return FailErrno("cannot set the mode of " + address.path, errno);
    }
  }
  return server;
}

}  // namespace

// Destroyed from the last to the first: nothing outlives what it uses.
struct Collector::Parts {
  Parts(std::unique_ptr<store::Store> opened, const CollectorConfig& config)
      : store(std::move(opened)),
        workers(rpc::kWorkers, rpc::kMaxWaitingQuestions),
        writer(*store, rpc::kMaxQueuedBytes, config.on_database),
        ingest(writer),
        review(*store, workers) {}

  std::unique_ptr<store::Store> store;
  rpc::Workers workers;
  ingest::Writer writer;
  ingest::EventIngestService ingest;
  query::ReviewService review;
  std::unique_ptr<grpc::Server> server;
  std::once_flag stopped;
};

Result<> Validate(const CollectorConfig& config) {
  std::string faults;
  const auto fault = [&](const std::string& what) { faults += (faults.empty() ? "" : "\n") + what; };
  if (config.database.empty()) fault("--db: names no file");
  if (config.max_database_bytes != 0 && config.max_database_bytes < kMinDatabaseBytes) {
    fault("--max-db-bytes: less than 1 MiB holds no job");
  }
  for (const std::string& text : config.listen) {
    const auto address = ParseListen(text);
    if (!address) {
      fault(address.error().what);
    } else if (!address->loopback && !config.insecure_listen) {
      fault("--listen " + text + ": is reachable from other hosts, and this connection is neither encrypted nor " +
            "authenticated; use a unix socket or loopback, or accept that with --insecure-listen");
    }
  }
  if (!faults.empty()) return Fail(Code::kInvalid, faults);
  return {};
}

Result<std::unique_ptr<Collector>> Collector::Open(const CollectorConfig& config) {
  WEIR_TRY(Validate(config));
  WEIR_TRY(MakeDirectory(config.database.parent_path()));
  store::StoreConfig store_config;
  store_config.path = config.database;
  store_config.max_database_bytes = config.max_database_bytes;
  auto store = store::Store::Open(store_config);
  if (!store) return tl::unexpected<Error>(std::move(store).error());
  auto parts = std::make_unique<Parts>(std::move(*store), config);
  auto server = Serve(config, {&parts->ingest, &parts->review});
  if (!server) return tl::unexpected<Error>(std::move(server).error());
  parts->server = std::move(*server);
  return std::unique_ptr<Collector>(new Collector(std::move(parts)));
}

Collector::Collector(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Collector::~Collector() { Shutdown(kDefaultGrace); }

std::shared_ptr<grpc::Channel> Collector::InProcessChannel() {
  return parts_->server->InProcessChannel(rpc::ClientArguments());
}

void Collector::Shutdown(std::chrono::milliseconds grace) {
  std::call_once(parts_->stopped, [&] {
    parts_->ingest.Drain();
    parts_->server->Shutdown(std::chrono::system_clock::now() + grace);
    parts_->server->Wait();
  });
}

}  // namespace weir
