// SPDX-License-Identifier: Apache-2.0
// Connections of peers that may only read. Anybody may open them, a job too, and keep them open: they are bounded, so
// that no job takes the descriptors away that the sensor needs for everybody else's.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "sensor/control/handlers.h"

namespace weir::control {

/// Any thread. What is over the bounds is refused: reading is what is lost, never control.
class Readers {
 public:
  static constexpr std::size_t kPerJob = 16;  ///< also of everybody outside of jobs together
  static constexpr std::size_t kTotal = 128;

  /// Whether this peer may have one more connection, which is `fd` then. Call it before gRPC gets `fd`.
  [[nodiscard]] bool Admit(int fd, const Peer& peer);
  /// By grpc::ServerContext::peer(). Not known: the least that a peer can be.
  [[nodiscard]] Peer Find(const std::string& grpc_peer) const;

 private:
  struct Connection {
    Peer peer;
    ino_t socket = 0;  ///< tells whether gRPC has closed it: it does not say so
  };
  void ForgetClosed();

  mutable std::mutex mutex_;  ///< guards connections_
  std::map<int, Connection> connections_;
};

}  // namespace weir::control
