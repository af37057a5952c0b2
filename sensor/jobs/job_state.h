// SPDX-License-Identifier: Apache-2.0
// What a sensor must know of a job to go on with it after its predecessor died. One JSON file a job.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sensor/base/directory_lock.h"
#include "sensor/base/result.h"
#include "sensor/jobs/canary.h"

namespace weir::jobs {

/// A stretch of a job's event stream that one sensor process carried.
struct StreamSegment {
  std::uint64_t epoch = 0;
  std::uint64_t events = 0;
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::string sha256;  ///< hex; see events::StreamDigest
  friend bool operator==(const StreamSegment&, const StreamSegment&) = default;
};

/// A time in which records may have been lost.
struct RecordedGap {
  std::string reason;  ///< "sensor-down"
  std::int64_t from_ns = 0;
  std::int64_t until_ns = 0;
  std::uint64_t lost_at_most = 0;  ///< records that no sensor is known to have carried on
  friend bool operator==(const RecordedGap&, const RecordedGap&) = default;
};

struct JobState {
  std::string boot_id;
  std::string job_id;
  std::uint32_t scope_id = 0;
  std::string name;
  std::string policy_text;
  std::string policy_path;
  std::string policy_job;
  std::string policy_digest;
  int mode = 0;  ///< WEIR_MODE_*; the one that is enforced
  std::vector<std::string> allow;
  std::map<std::string, std::string> labels;
  std::vector<std::string> command;
  std::vector<std::string> resolvers;  ///< `system` resolvers that were trusted, as text
  std::vector<std::string> search;     ///< suffixes, dotted
  std::string compiled_on;             ///< day (YYYY-MM-DD) whose rules held, so that none expires in the middle
  std::string cgroup_path;
  std::uint64_t cgroup_id = 0;
  bool host = false;              ///< the whole host is the job's
  std::uint64_t netns_inode = 0;  ///< of the namespace in which the job began
  std::uint64_t netns_cookie = 0;
  std::int64_t begin_time_ns = 0;
  bool armed = false;
  std::int64_t armed_time_ns = 0;
  std::vector<std::string> not_armed_reasons;
  std::vector<Canary> canaries;
  std::vector<StreamSegment> segments;  ///< of earlier sensor processes, and of this one as of the checkpoint
  std::vector<RecordedGap> gaps;
  std::int64_t checkpoint_time_ns = 0;
  std::uint64_t events_read = 0;                 ///< records of the rings that were carried on, as of the checkpoint
  std::map<std::string, std::uint64_t> dropped;  ///< by earlier sensor processes' queues
  std::map<std::string, std::uint64_t> undelivered;       ///< not taken by earlier sensor processes' uplinks
  std::map<std::string, std::uint64_t> forwarder_counts;  ///< of earlier sensor processes' forwarders
  std::int64_t end_time_ns = 0;                           ///< its record is made, and processes are left; 0: runs
  int exit_status = -1;                                   ///< of an ended job
  int worker_pid = 0;                    ///< Runner.Worker, with whose end the job ends; 0: it is no runner's job
  std::uint64_t worker_start_ticks = 0;  ///< as in /proc/<pid>/stat
};

/// JSON of schema weir.job-state.v1.
[[nodiscard]] std::string JobStateToJson(const JobState& state);
/// kInvalid: not such a file. Bytes are untrusted: torn by a crash, or edited.
[[nodiscard]] Result<JobState> JobStateFromJson(std::string_view json);

struct LoadedStates {
  std::vector<JobState> jobs;       ///< by job id
  std::vector<std::string> faults;  ///< files that were set aside (renamed to *.bad), and why
};

/// Owner of the state directory: holds a lock on it.
class StateStore {
 public:
  /// Makes it (0700). kExists: another sensor holds it.
  [[nodiscard]] static Result<StateStore> Open(const std::filesystem::path& directory);

  /// `sync`: survives a power cut (begin and end); otherwise a kill of the sensor (checkpoints).
  [[nodiscard]] Result<> Save(const JobState& state, bool sync) const;
  [[nodiscard]] Result<LoadedStates> LoadAll() const;
  [[nodiscard]] Result<> Remove(const std::string& job_id) const;

  /// Was a record made? Then the job has ended, whatever its state says.
  [[nodiscard]] bool HasRecord(const std::string& job_id) const;
  /// Keeps the enforcement record of an ended job; the newest `keep` stay, and this one.
  [[nodiscard]] Result<> SaveRecord(const std::string& job_id, std::string_view json, std::size_t keep) const;

 private:
  StateStore(std::filesystem::path directory, DirectoryLock lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  [[nodiscard]] std::filesystem::path FileOf(const std::string& job_id) const;

  std::filesystem::path directory_;
  DirectoryLock lock_;
};

}  // namespace weir::jobs
