// SPDX-License-Identifier: Apache-2.0
// What the pipeline knows about each scope: its job, its rules, what became of its records.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "sensor/events/digest.h"
#include "sensor/events/event.h"
#include "sensor/events/pipeline.h"

namespace weir::events {

/// Events per kind. Any thread.
class KindCounts {
 public:
  void Add(Kind kind) { ++counts_[static_cast<std::size_t>(kind)]; }
  /// By KindName; only those above 0.
  [[nodiscard]] std::map<std::string, std::uint64_t> ByName() const;

 private:
  std::array<std::atomic<std::uint64_t>, kKinds> counts_{};
};

/// One scope's books. Atomics: written by reader and writer, read by all. `mutex` guards the digest; the members below
/// it belong to the writer.
struct Job {
  explicit Job(JobInfo job_info) : info(std::move(job_info)) {}

  const JobInfo info;
  std::atomic<std::uint64_t> events_read{0};
  std::atomic<std::uint64_t> refused{0};
  KindCounts dropped;                          ///< by the queue
  KindCounts undelivered;                      ///< not admitted to the sink
  std::atomic<std::int64_t> first_loss_ns{0};  ///< Unix time of the first loss since the writer looked; 0: none
  std::atomic<std::uint64_t> handed_on{0};

  std::mutex mutex;
  RecordDigest digest;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;

  std::int64_t gap_from_ns = 0;  ///< of the first loss that no gap has told; 0: none
  std::uint64_t reported_refused = 0;
  std::map<std::string, std::uint64_t> reported_dropped;
  std::map<std::string, std::uint64_t> reported_undelivered;

  void CountDrop(Kind kind, std::int64_t now_ns);
  void CountUndelivered(Kind kind, std::int64_t now_ns);
  void CountRefused(std::int64_t now_ns);
  [[nodiscard]] ScopeTally Tally() const;
  [[nodiscard]] StreamDigest Digest();
  /// Losses that are not Reported yet, one Gap per reason. Writer only.
  [[nodiscard]] std::vector<Gap> Gaps(std::int64_t now_ns);
  void Reported(const Gap& gap);

 private:
  void NoteLoss(std::int64_t now_ns);
};

/// Rule text of Flow and DnsQuery from their rule_id, and the job's id.
void Enrich(Event& event, const JobInfo& info);

/// scope_id -> Job. Scope 0, the sensor itself, is always there. Any thread; one mutex.
class JobTable {
 public:
  JobTable();
  void Add(std::uint32_t scope_id, JobInfo info);
  void Remove(std::uint32_t scope_id);
  /// Null: unknown.
  [[nodiscard]] std::shared_ptr<Job> Find(std::uint32_t scope_id) const;
  [[nodiscard]] std::vector<std::pair<std::uint32_t, std::shared_ptr<Job>>> All() const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, std::shared_ptr<Job>> jobs_;
};

}  // namespace weir::events
