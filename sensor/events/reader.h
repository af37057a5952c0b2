// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sensor/base/fd.h"
#include "sensor/base/result.h"
#include "sensor/events/jobs.h"
#include "sensor/events/pipeline.h"
#include "sensor/events/queue.h"
#include "sensor/events/ring.h"

namespace weir::events {

/// Owner of the thread that empties the rings: decodes, stamps, queues, counts. Denials wake it; the ring of plain
/// events is polled, because a wake-up per event costs ten times the verdict.
class RingReader {
 public:
  /// `jobs` and `queue` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<RingReader>> Create(const PipelineConfig& config, const JobTable& jobs,
                                                                  EventQueue& queue);
  ~RingReader();
  RingReader(const RingReader&) = delete;
  RingReader& operator=(const RingReader&) = delete;

  /// Ends the thread; what the rings hold stays there. Counters can still be read.
  void Stop();

  /// Waits until everything that the rings held at the call is in the queue. False: not within `wait`. Any thread.
  [[nodiscard]] bool WaitRead(std::chrono::milliseconds wait);

  [[nodiscard]] std::uint64_t refused() const { return refused_.load(); }
  [[nodiscard]] std::uint64_t unowned() const { return unowned_.load(); }
  /// To turn boot time into Unix time as the reader does. Any thread.
  [[nodiscard]] std::int64_t boot_to_unix_ns() const { return boot_to_unix_ns_.load(); }

 private:
  struct Source {
    Ring ring;
    std::uint64_t read_until = 0;  ///< in the queue up to here; guarded by mutex_
  };

  RingReader(const JobTable& jobs, EventQueue& queue, std::chrono::milliseconds idle_poll);
  [[nodiscard]] Result<> Open(const PipelineConfig& config);
  void Run();
  [[nodiscard]] int NextTimeoutMs(std::uint64_t bytes_read);
  std::uint64_t Drain(Source& source);
  void OnRecord(std::span<const std::byte> record);
  void PushBatch();
  void FollowClock();

  const JobTable& jobs_;
  EventQueue& queue_;
  const std::chrono::milliseconds idle_poll_;
  std::optional<Source> events_;
  std::optional<Source> denials_;
  Fd epoll_;
  Fd wake_;  ///< eventfd

  std::mutex mutex_;
  std::condition_variable read_;
  int waiting_ = 0;  ///< callers of WaitRead; guarded by mutex_

  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> unowned_{0};
  std::atomic<std::int64_t> boot_to_unix_ns_{0};

  // The thread's own.
  std::vector<Item> batch_;
  std::shared_ptr<Job> last_job_;
  std::uint32_t last_scope_ = 0;
  std::chrono::steady_clock::time_point clock_checked_{};

  std::thread thread_;
};

}  // namespace weir::events
