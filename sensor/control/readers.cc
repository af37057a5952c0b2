// SPDX-License-Identifier: Apache-2.0
#include "sensor/control/readers.h"

#include <sys/stat.h>

#include <algorithm>

namespace weir::control {
namespace {

/// 0: not open, or no socket.
ino_t SocketOf(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

}  // namespace

void Readers::ForgetClosed() {
  std::erase_if(connections_, [](const auto& entry) { return SocketOf(entry.first) != entry.second.socket; });
}

bool Readers::Admit(int fd, const Peer& peer) {
  const std::lock_guard lock(mutex_);
  ForgetClosed();
  const auto same = std::count_if(connections_.begin(), connections_.end(),
                                  [&](const auto& entry) { return entry.second.peer.job_id == peer.job_id; });
  if (connections_.size() >= kTotal || static_cast<std::size_t>(same) >= kPerJob) return false;
  connections_[fd] = {peer, SocketOf(fd)};
  return true;
}

Peer Readers::Find(const std::string& grpc_peer) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [fd, connection] : connections_)
    if (grpc_peer == "fd:" + std::to_string(fd)) return connection.peer;
  return Peer{0, 0, false, std::string()};
}

}  // namespace weir::control
