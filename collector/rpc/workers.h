// SPDX-License-Identifier: Apache-2.0
// Threads for work that waits for the disk, so that gRPC's own threads never do.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace weir::rpc {

/// A bounded queue and its threads. Overflow: the task is refused. The destructor runs what is queued, then joins.
class Workers {
 public:
  Workers(int threads, std::size_t max_waiting);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// From any thread. False: the queue is full; the task was not taken.
  [[nodiscard]] bool Submit(std::function<void()> task);

 private:
  void Run();

  const std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                    // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace weir::rpc
