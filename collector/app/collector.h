// SPDX-License-Identifier: Apache-2.0
// The collector as a library: store, ingest and review behind one gRPC server. `weir-collector` and `weir run`
// (embedded) both own one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sensor/base/result.h"

namespace grpc {
class Channel;
}  // namespace grpc

namespace weir {

struct CollectorConfig {
  /// SQLite file; its directory is made (mode 0700) when it does not exist.
  std::filesystem::path database;

  /// Where to serve: "unix:/absolute/path" or "host:port". Empty: only in-process channels.
  std::vector<std::string> listen;

  /// The database does not grow beyond this; a full one refuses events, which the sensor then keeps. 0: no bound.
  std::uint64_t max_database_bytes = 0;

  /// Lets `listen` name addresses other than loopback although the connection is neither encrypted nor authenticated.
  bool insecure_listen = false;

  /// Told when the database begins to refuse all events (why: disk full, locked, damaged …) and when it takes them
  /// again (null). Called on a thread of the collector; must not block. May be empty.
  std::function<void(const Error*)> on_database;
};

/// Checks a configuration without opening anything. Every fault is named, one line each.
[[nodiscard]] Result<> Validate(const CollectorConfig& config);

/// Owner of the store and the server. Everything may be called from any thread.
class Collector {
 public:
  /// Validates, opens (and migrates) the database, starts the server. A stale unix socket is replaced, a live one is an
  /// error (kExists). Sockets are made with mode 0660.
  [[nodiscard]] static Result<std::unique_ptr<Collector>> Open(const CollectorConfig& config);

  /// Stops as Shutdown(2 s) does.
  ~Collector();
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// A channel to EventIngest and Review that touches no network. It accepts answers of the size that reports have
  /// (rpc::kMaxAnswerBytes), which other clients must allow for themselves: see rpc::ClientArguments().
  [[nodiscard]] std::shared_ptr<grpc::Channel> InProcessChannel();

  /// Ends event streams once what they sent is stored, takes no more calls, waits up to `grace` for running ones, then
  /// cancels them. What was acknowledged is on disk.
  void Shutdown(std::chrono::milliseconds grace);

 private:
  struct Parts;
  explicit Collector(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weir
