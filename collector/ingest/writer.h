// SPDX-License-Identifier: Apache-2.0
// Group commit: the batches of all streams that wait at the same time share one transaction and one sync.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "collector/store/store.h"

namespace weir::ingest {

/// Owner of the appending thread. Bounded by bytes; overflow: the batch is refused (kExhausted) and its sensor, which
/// still has it, sends it again later. The destructor stores what is queued, then joins.
class Writer {
 public:
  using Done = std::function<void(Result<store::Appended>)>;

  /// Told, on the writer's thread, when the database begins to refuse everything (why) and when it takes events again
  /// (null).
  using Watcher = std::function<void(const Error*)>;

  /// `store` must outlive the writer.
  Writer(store::Store& store, std::size_t max_bytes, Watcher watcher = {});
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// From any thread. `done` is called once, on the writer's thread, and must not block; not called when Submit fails.
  [[nodiscard]] Result<> Submit(store::Batch batch, std::size_t bytes, Done done);

 private:
  struct Waiting {
    store::Batch batch;
    std::size_t bytes;
    Done done;
  };
  void Run();
  [[nodiscard]] std::vector<Waiting> TakeGroup();
  void Store(std::vector<Waiting> group);

  void Tell(const Error* failure);

  store::Store& store_;
  const std::size_t max_bytes_;
  const Watcher watcher_;
  bool failing_ = false;  // the writer's thread's own
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> queue_;  // guarded by mutex_
  std::size_t bytes_ = 0;      // guarded by mutex_; of the queue
  bool stopping_ = false;      // guarded by mutex_
  std::thread thread_;
};

}  // namespace weir::ingest
