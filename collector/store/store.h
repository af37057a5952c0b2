// SPDX-License-Identifier: Apache-2.0
// Where the collector keeps what sensors sent: SQLite. This class is the seam: no caller sees SQL.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "collector/store/model.h"
#include "collector/store/stop.h"
#include "sensor/base/result.h"

namespace weir::store {

class Appender;
class Reader;

struct StoreConfig {
  std::filesystem::path path;            ///< its directory must exist
  std::uint64_t max_database_bytes = 0;  ///< appending beyond it fails with kExhausted; 0: no bound
  int busy_ms = 10000;                   ///< how long to wait for another process that writes
};

/// What became of one batch.
struct Appended {
  /// The batch's last: of what its sensor has sent in order, everything up to here is on disk.
  std::uint64_t durable_sequence = 0;
  std::uint64_t stored = 0;      ///< events that were new
  std::uint64_t duplicates = 0;  ///< events that were there already
  std::uint64_t missing = 0;     ///< sequence numbers newly found to be missing
  friend bool operator==(const Appended&, const Appended&) = default;
};

/// How much of a job LoadJob reads. Beyond it, `truncated` is set.
struct EvidenceLimits {
  std::uint32_t processes = 50000;
  std::uint32_t flows = 200000;  ///< above what a sensor tracks for one job (WEIR_MAX_SCOPE_FLOWS), lookups included
  std::uint32_t findings = 10000;
  std::uint32_t gaps = 1000;  ///< of each kind
};

/// Owner of the database: one connection for appending, one for reading. All functions may be called from any thread;
/// appends wait for each other, reads wait for each other, and neither waits for the other (WAL).
///
/// Durability: a commit is on disk (`synchronous=FULL`: the log is synced) before Append returns, because the sensor
/// deletes what was acknowledged, and evidence must outlive a power cut. Batches share a commit, so the sync costs
/// little per event.
class Store {
 public:
  /// Opens, creates or migrates. Errors: kInvalid (damaged, or not Weir's), kUnsupported (made by a newer Weir),
  /// kPrivilege (no permission), kUnavailable (locked).
  [[nodiscard]] static Result<std::unique_ptr<Store>> Open(const StoreConfig& config);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Stores all batches in one transaction, one outcome per batch in order. Idempotent by (sensor, epoch, sequence): an
  /// event that is there already changes nothing; a late one fills its hole. A batch with an event for another sensor's
  /// job is refused as a whole (kPrivilege) and does not harm the others. An error of the database as a whole
  /// (kExhausted: disk full; kUnavailable: locked, not writable or damaged) means that nothing of this call was stored.
  [[nodiscard]] Result<std::vector<Result<Appended>>> Append(std::span<const Batch> batches);

  // Questions. Each ends with kExhausted once `stop` says so (see Stop); it is asked on the calling thread.

  /// Newest first; those with an event at or after `since_ns`.
  [[nodiscard]] Result<JobPage> ListJobs(std::int64_t since_ns, std::uint32_t limit, const Stop& stop = {});
  [[nodiscard]] Result<FlowPage> ListFlows(const FlowFilter& filter, const Stop& stop = {});
  [[nodiscard]] Result<ProcessPage> ListProcesses(const std::string& job_id, std::uint32_t limit,
                                                  const StepFilter& step = {}, const Stop& stop = {});
  /// kNotFound when there is no such job.
  [[nodiscard]] Result<JobEvidence> LoadJob(const std::string& job_id, const EvidenceLimits& limits,
                                            const Stop& stop = {});
  /// Holes in a sensor's stream, oldest first; all epochs.
  [[nodiscard]] Result<std::vector<SequenceGap>> SequenceGaps(const std::string& sensor);

 private:
  Store(std::unique_ptr<Appender> appender, std::unique_ptr<Reader> reader);
  std::mutex append_mutex_;  // guards *appender_
  std::unique_ptr<Appender> appender_;
  std::mutex read_mutex_;  // guards *reader_
  std::unique_ptr<Reader> reader_;
};

}  // namespace weir::store
